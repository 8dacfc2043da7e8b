#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/machine.h"

namespace millrace::apps {

/// What a file of `millrace bench --save` has, as far as it is compared.
struct Saved {
  Facts machine;
  Facts settings;
  std::map<std::string, double> metrics;
  std::vector<double> rates;  ///< Of the windows, in samples a second; not empty.
};

/// Writes a report, as json_of() gives it, whole or not at all. Throws SyscallError.
void save(const nlohmann::json& report, const std::string& path);

/// Reads one. Throws std::runtime_error with the path and what is wrong: the file may be any.
Saved read_saved(const std::string& path);

/// Of the report's JSON. Throws std::runtime_error.
Saved saved_of(const nlohmann::json& report);

}  // namespace millrace::apps
