#include "millrace/loader/state.h"

#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <string_view>

#include "millrace/loader/whole_number.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {
namespace {

using nlohmann::json;

std::string hex(std::span<const std::byte> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const std::byte byte : bytes) {
    text += kDigits[std::to_integer<unsigned>(byte) >> 4];
    text += kDigits[std::to_integer<unsigned>(byte) & 15];
  }
  return text;
}

std::vector<std::byte> bytes_of(const std::string& text) {
  if (text.size() % 2 != 0) throw std::runtime_error("a hexadecimal text of odd length");
  std::vector<std::byte> bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const auto byte = detail::whole_number<uint8_t>(std::string_view(text).substr(i, 2), 16);
    if (!byte) throw std::runtime_error(in_quotes(text.substr(i, 2)) + " in a hexadecimal text");
    bytes.push_back(static_cast<std::byte>(*byte));
  }
  return bytes;
}

}  // namespace

std::string to_string(const LoaderState& state) {
  json streams = json::array();
  for (const auto& stream : state.streams)
    streams.push_back({{"position", stream.position}, {"ended", stream.ended}, {"state", hex(stream.state)}});
  const json all = {
      {"millrace_loader_state", state.version},
      {"dataset", {{"samples", state.samples}, {"fields", state.fields}}},
      {"seed", state.seed},
      {"epoch", state.epoch},
      {"batches", state.batches},
      {"position", state.position},
      {"sampler",
       {{"epoch", state.sampler.epoch},
        {"position", state.sampler.position},
        {"generator", hex(std::as_bytes(std::span(state.sampler.generator)))}}},
      {"ahead", state.ahead},
      {"streams", streams},
      {"next_stream", state.next_stream},
  };
  return all.dump(1);
}

LoaderState loader_state_from_string(const std::string& text) {
  try {
    const json all = json::parse(text);
    LoaderState state;
    state.version = all.at("millrace_loader_state").get<int64_t>();
    if (state.version != LoaderState::kVersion)
      throw std::runtime_error("it has version " + std::to_string(state.version) + ", this Millrace reads version " +
                               std::to_string(LoaderState::kVersion));
    state.samples = all.at("dataset").at("samples").get<uint64_t>();
    state.fields = all.at("dataset").at("fields").get<std::string>();
    state.seed = all.at("seed").get<uint64_t>();
    state.epoch = all.at("epoch").get<int64_t>();
    state.batches = all.at("batches").get<int64_t>();
    state.position = all.at("position").get<int64_t>();
    state.sampler.epoch = all.at("sampler").at("epoch").get<int64_t>();
    state.sampler.position = all.at("sampler").at("position").get<int64_t>();
    for (const std::byte byte : bytes_of(all.at("sampler").at("generator").get<std::string>()))
      state.sampler.generator.push_back(std::to_integer<uint8_t>(byte));
    state.ahead = all.at("ahead").get<std::vector<int64_t>>();
    for (const auto& stream : all.at("streams"))
      state.streams.push_back({stream.at("position").get<int64_t>(), stream.at("ended").get<bool>(),
                               bytes_of(stream.at("state").get<std::string>())});
    state.next_stream = all.at("next_stream").get<int64_t>();
    return state;
  } catch (const std::exception& e) {
    throw std::runtime_error("this is no loader state: " + printable(e.what()));
  }
}

void save(const LoaderState& state, const std::string& given) {
  const std::string path = detail::user_path(given);
  const std::string text = to_string(state) + '\n';
  try {
    NewFile file(path);
    file.write(std::as_bytes(std::span(text)));
    file.commit();
  } catch (const std::exception& e) {
    throw std::runtime_error("cannot write the loader state to " + printable(path) + ": " + e.what());
  }
}

LoaderState load_state(const std::string& given) {
  constexpr size_t kMost = size_t{256} << 20;  // A thousand streams with states of 100 kB each.
  const std::string path = detail::user_path(given);
  std::string text;
  try {
    text = detail::read_regular(path, kMost);
  } catch (const std::exception& e) {
    throw std::runtime_error("cannot read the loader state " + printable(path) + ": " + e.what());
  }
  try {
    return loader_state_from_string(text);
  } catch (const std::exception& e) {
    throw std::runtime_error(printable(path) + ": " + e.what());
  }
}

}  // namespace millrace
