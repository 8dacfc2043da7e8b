#pragma once

#include <cstddef>
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
  std::string yaml;  ///< What the overrides have changed, to be pasted into the configuration.
};

/// All combinations of "KEY=VALUE,VALUE...", the last key changing fastest. Commas in brackets, braces and quotes
/// belong to a value. Throws std::invalid_argument for more than kMostSettings of them, and for a key, or a
/// value of one, that stands twice.
std::vector<Setting> settings_of(const std::vector<std::string>& sweep);
inline constexpr size_t kMostSettings = 256;

/// Measures all of them in several rounds, each of a loader that begins anew, so that what disturbs the machine for a
/// while disturbs all. All configurations are read, and their datasets opened, before the first is measured: throws
/// configs::ConfigError as configs::load_run(), and what the datasets throw.
std::vector<Setting> measure_sweep(const commands::Bench& options, const ProgramTypes& types, const Plan& plan,
                                   const Tell& tell);

/// Which setting to take.
struct Choice {
  size_t taken = 0;              ///< The number of the setting.
  std::vector<size_t> as_fast;   ///< Others that the noise does not tell from the fastest. Empty: `taken` is the best.
  bool has_few_windows = false;  ///< So few that they could tell none from another, see Comparison.
};

/// Among the settings that compare_rates() does not tell from the fastest, the first whose workers need the least
/// memory. REQUIRES: settings not empty, and windows of each.
Choice choose(const std::vector<Setting>& settings);

/// Which setting is the best, or which are not told apart and which of them is taken.
std::string sentence_of(const std::vector<Setting>& settings, const Choice& choice);

/// "loader.num_workers=4 loader.prefetch=2"
std::string name_of(const Setting& setting);

/// A table, and the setting to take as YAML.
std::string text_of(const std::vector<Setting>& settings);

nlohmann::json json_of(const std::vector<Setting>& settings);

}  // namespace millrace::apps
