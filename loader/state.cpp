#include "millrace/loader/state.h"

#include <algorithm>
#include <cinttypes>
#include <concepts>
#include <cstdio>
#include <initializer_list>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>

#include "millrace/sharing/codec/fnv.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/whole_number.h"

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

json json_of(const LoaderState& state) {
  json streams = json::array();
  for (const auto& stream : state.streams)
    streams.push_back({{"position", stream.position}, {"ended", stream.ended}, {"state", hex(stream.state)}});
  return {
      {"millrace_loader_state", state.version},
      {"dataset", {{"samples", state.samples}, {"fields", state.fields}}},
      {"seed", state.seed},
      {"order", state.order},
      {"batch_size", state.batch_size},
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
}

// A checksum of what the state says, field by field in the order of their names.
std::string checksum_of(const json& state) {
  const std::string text = state.dump();
  char digits[17];
  std::snprintf(digits, sizeof digits, "%016" PRIx64, fnv1a(std::as_bytes(std::span(text))));
  return digits;
}

// A part of a state, with all its fields and no others: what is no part of the checksum must not be there.
const json& part(const json& value, const std::string& name, std::initializer_list<std::string_view> fields) {
  if (!value.is_object()) throw std::runtime_error(name + " is " + value.type_name() + ", not an object");
  for (const auto& [field, ignored] : value.items())
    if (std::find(fields.begin(), fields.end(), field) == fields.end())
      throw std::runtime_error(name + " has a field " + in_quotes(field) + ", which no state has");
  for (const std::string_view field : fields)
    if (!value.contains(std::string(field))) throw std::runtime_error(name + " has no field " + in_quotes(field));
  return value;
}

template <std::integral T>
T number(const json& value, const std::string& name) {
  const auto number = value.is_number_integer() ? detail::whole_number<T>(value.dump()) : std::nullopt;
  if (!number)
    throw std::runtime_error(in_quotes(name) + " is " + (value.is_number() ? value.dump() : value.type_name()) +
                             ", which is no whole number from " + std::to_string(std::numeric_limits<T>::min()) +
                             " to " + std::to_string(std::numeric_limits<T>::max()));
  return *number;
}

}  // namespace

std::string to_string(const LoaderState& state) {
  json all = json_of(state);
  all["checksum"] = checksum_of(all);
  return all.dump(1);
}

LoaderState loader_state_from_string(const std::string& text) {
  try {
    const json all = json::parse(text);
    LoaderState state;
    state.version = number<int64_t>(all.at("millrace_loader_state"), "millrace_loader_state");
    if (state.version != LoaderState::kVersion)
      throw std::runtime_error("it has version " + std::to_string(state.version) + ", this Millrace reads version " +
                               std::to_string(LoaderState::kVersion) +
                               ": go on with the Millrace that wrote it, or begin an epoch anew");
    part(all, "it",
         {"millrace_loader_state", "checksum", "dataset", "seed", "order", "batch_size", "epoch", "batches", "position",
          "sampler", "ahead", "streams", "next_stream"});
    const json& dataset = part(all["dataset"], "'dataset'", {"samples", "fields"});
    state.samples = number<uint64_t>(dataset["samples"], "samples");
    state.fields = dataset["fields"].get<std::string>();
    state.seed = number<uint64_t>(all["seed"], "seed");
    state.order = all["order"].get<std::string>();
    state.batch_size = number<int64_t>(all["batch_size"], "batch_size");
    state.epoch = number<int64_t>(all["epoch"], "epoch");
    state.batches = number<int64_t>(all["batches"], "batches");
    state.position = number<int64_t>(all["position"], "position");
    const json& sampler = part(all["sampler"], "'sampler'", {"epoch", "position", "generator"});
    state.sampler.epoch = number<int64_t>(sampler["epoch"], "epoch of 'sampler'");
    state.sampler.position = number<int64_t>(sampler["position"], "position of 'sampler'");
    for (const std::byte byte : bytes_of(sampler["generator"].get<std::string>()))
      state.sampler.generator.push_back(std::to_integer<uint8_t>(byte));
    for (const json& ahead : all["ahead"].get_ref<const json::array_t&>())
      state.ahead.push_back(number<int64_t>(ahead, "ahead"));
    for (const json& stream : all["streams"].get_ref<const json::array_t&>()) {
      part(stream, "a stream", {"position", "ended", "state"});
      state.streams.push_back({number<int64_t>(stream["position"], "position of a stream"), stream["ended"].get<bool>(),
                               bytes_of(stream["state"].get<std::string>())});
    }
    state.next_stream = number<int64_t>(all["next_stream"], "next_stream");
    const auto checksum = all["checksum"].get<std::string>();
    const std::string found = checksum_of(json_of(state));
    if (checksum != found)
      throw std::runtime_error("it was changed or damaged since it was written: its checksum is " + checksum +
                               ", that of what it says is " + found + "; take the state as it was written");
    return state;
  } catch (const json::parse_error&) {
    throw std::runtime_error(
        "this is no loader state: it is not JSON, or was cut off; take the state as it was written");
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
