#include "millrace/apps/millrace/bench/saved.h"

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <system_error>

#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::apps {
namespace {

constexpr uintmax_t kMostBytes = 16 << 20;  // What is longer is no measurement.

double positive(double rate) {
  if (!std::isfinite(rate) || rate <= 0) throw std::runtime_error("a rate is not positive");
  return rate;
}

std::string text_of_file(const std::string& path) {
  std::error_code failed;
  if (!std::filesystem::exists(path, failed)) throw std::runtime_error("there is no such file");
  if (!std::filesystem::is_regular_file(path, failed))
    throw std::runtime_error("it is no file, name what --save wrote");
  if (std::filesystem::file_size(path, failed) > kMostBytes) throw std::runtime_error("it is longer than 16 MB");
  std::ifstream file(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(file), {});
  if (!file) throw std::runtime_error("it cannot be read");
  return text;
}

}  // namespace

void save(const nlohmann::json& report, const std::string& path) {
  const std::string text = report.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
  NewFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

Saved saved_of(const nlohmann::json& report) {
  Saved saved{report.at("machine"), report.at("settings"), report.at("metrics"), {}};
  for (const double rate : report.at("samples_per_s_of_windows")) saved.rates.push_back(positive(rate));
  if (saved.rates.empty()) throw std::runtime_error("it has no window: --batches 1 measures none");
  return saved;
}

Saved read_saved(const std::string& path) {
  std::string why;
  try {
    return saved_of(nlohmann::json::parse(text_of_file(path)));
  } catch (const nlohmann::json::parse_error&) {
    why = "it is not JSON, or was cut off; measure again with --save";
  } catch (const nlohmann::json::exception&) {
    why =
        "it is JSON without the rates, settings and machine of one loader; measure again with --save, without --sweep";
  } catch (const std::exception& error) {
    why = printable(error.what());
  }
  throw std::runtime_error(in_quotes(path) + " is no measurement of millrace bench --save: " + why);
}

}  // namespace millrace::apps
