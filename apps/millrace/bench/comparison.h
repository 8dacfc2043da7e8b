#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/saved.h"
#include "millrace/apps/millrace/bench/spread.h"

namespace millrace::apps {

/// A measurement beside an earlier one.
struct Comparison {
  enum class Outcome : uint8_t { kSame, kGotFaster, kGotSlower, kTooFewWindows };

  /// A setting, or a fact of the machine, that is not the same. "" where it was not said.
  struct Difference {
    std::string name, then, now;
  };

  /// kSame: no difference that the noise would not explain; kTooFewWindows: none that so few windows could tell from
  /// chance, however far apart they are.
  Outcome outcome = Outcome::kSame;
  double ratio = 1;   ///< Of the medians of samples a second, now to then.
  double chance = 1;  ///< See probability_of_chance().
  double noise = 0;   ///< What the medians may differ by, as a share, without it meaning anything.
  Spread then, now;
  std::vector<Difference> differences;
};

/// Compares the samples a second of windows. REQUIRES: there are some of both.
///
/// Faster or slower is what differs by more than the noise, and by chance in one of a hundred comparisons at most. The
/// noise is three times the MADs of both, and at least 3 %, since runs that begin anew may differ where windows agree.
Comparison compare_rates(const std::vector<double>& now, const std::vector<double>& then);

/// Compares the windows of two measurements, and says which settings and facts of the machine differ.
Comparison compare(const Saved& now, const Saved& then);

/// In words: the verdict, what is not the same, and all numbers beside each other. `name` is that of the earlier one.
std::string text_of(const Comparison& comparison, const Saved& now, const Saved& then, const std::string& name);

/// The verdict in one sentence.
std::string sentence_of(const Comparison& comparison, const std::string& name);

nlohmann::json json_of(const Comparison& comparison, const std::string& name);

}  // namespace millrace::apps
