#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/measurement.h"
#include "millrace/apps/millrace/front/commands/bench.h"
#include "millrace/apps/millrace/program_types.h"

namespace millrace::apps {

/// One combination of the values of a sweep, and what was measured with it.
struct Setting {
  std::vector<std::string> overrides;  ///< "loader.num_workers=4".
  Measurement measurement;
};

/// All combinations of "KEY=VALUE,VALUE...", the last key changing fastest. Commas in brackets, braces and quotes
/// belong to a value. Throws std::invalid_argument for more than kMostSettings of them.
std::vector<Setting> settings_of(const std::vector<std::string>& sweep);
inline constexpr size_t kMostSettings = 256;

/// Measures all of them in several rounds, each of a loader that begins anew, so that what disturbs the machine for a
/// while disturbs all. All configurations are read, and their datasets opened, before the first is measured: throws
/// configs::ConfigError as configs::load_run(), and what the datasets throw.
std::vector<Setting> measure_sweep(const commands::Bench& options, const ProgramTypes& types, const Plan& plan,
                                   const Tell& tell);

/// The setting to take: among those that the noise does not tell from the fastest, the one whose workers need the least
/// memory. REQUIRES: settings not empty.
const Setting& best_of(const std::vector<Setting>& settings);

/// "loader.num_workers=4 loader.prefetch=2"
std::string name_of(const Setting& setting);

/// The overrides as a piece of a configuration.
std::string yaml_of(const Setting& setting);

/// A table, and the best setting as YAML.
std::string text_of(const std::vector<Setting>& settings);

nlohmann::json json_of(const std::vector<Setting>& settings);

}  // namespace millrace::apps
