#include "millrace/apps/millrace/bench/comparison.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>

#include "millrace/apps/millrace/bench/metrics.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::apps {
namespace {

constexpr double kLeastNoise = 0.03, kMadsOfNoise = 3, kMostChance = 0.01;

std::string value_of(const Facts& facts, const std::string& name) {
  const auto found = facts.find(name);
  return found == facts.end() ? "" : found->second;
}

void add_differences(const Facts& then, const Facts& now, std::vector<Comparison::Difference>& differences) {
  std::set<std::string> names;
  for (const auto& [name, value] : then) names.insert(name);
  for (const auto& [name, value] : now) names.insert(name);
  for (const auto& name : names)
    if (value_of(then, name) != value_of(now, name))
      differences.push_back({name, value_of(then, name), value_of(now, name)});
}

std::string shown(const std::string& value) { return value.empty() ? "nothing" : printable(value); }

const char* word_of(Comparison::Outcome outcome) {
  switch (outcome) {
    case Comparison::Outcome::kGotFaster:
      return "faster";
    case Comparison::Outcome::kGotSlower:
      return "slower";
    case Comparison::Outcome::kSame:
      return "same";
    case Comparison::Outcome::kTooFewWindows:
      return "too_few_windows";
  }
  return "";
}

// Whether even windows that are all faster than all others could be so by chance.
bool are_too_few(size_t now, size_t then) {
  std::vector<double> low(then), high(now);
  std::iota(low.begin(), low.end(), 0.0);
  std::iota(high.begin(), high.end(), static_cast<double>(then));
  return probability_of_chance(high, low) > kMostChance;
}

}  // namespace

Comparison compare_rates(const std::vector<double>& now, const std::vector<double>& then) {
  Comparison comparison;
  comparison.then = spread_of(then);
  comparison.now = spread_of(now);
  comparison.ratio = comparison.now.median / comparison.then.median;
  comparison.chance = probability_of_chance(now, then);
  comparison.noise = std::max(kLeastNoise, kMadsOfNoise * (comparison.then.mad / comparison.then.median +
                                                           comparison.now.mad / comparison.now.median));
  const double times = std::max(comparison.ratio, 1 / comparison.ratio);  // Half as fast is as far off as twice.
  const bool is_certain = comparison.chance <= kMostChance && times - 1 > comparison.noise;
  if (is_certain)
    comparison.outcome = comparison.ratio > 1 ? Comparison::Outcome::kGotFaster : Comparison::Outcome::kGotSlower;
  if (are_too_few(now.size(), then.size())) comparison.outcome = Comparison::Outcome::kTooFewWindows;
  return comparison;
}

Comparison compare(const Saved& now, const Saved& then) {
  Comparison comparison = compare_rates(now.rates, then.rates);
  add_differences(then.machine, now.machine, comparison.differences);
  add_differences(then.settings, now.settings, comparison.differences);
  return comparison;
}

std::string sentence_of(const Comparison& comparison, const std::string& name) {
  const std::string numbers = plain_number(comparison.now.median) + " samples/s after " +
                              plain_number(comparison.then.median) + ", " + plain_number(comparison.ratio) + " times";
  if (comparison.outcome == Comparison::Outcome::kSame)
    return "No difference from " + printable(name) + " that the noise would not explain: " + numbers + "; up to " +
           percent(comparison.noise) + " may be noise.";
  if (comparison.outcome == Comparison::Outcome::kTooFewWindows)
    return "So few windows cannot tell a difference from " + printable(name) + " from chance: " + numbers +
           "; measure five or more of each (--repeats).";
  return std::string(comparison.outcome == Comparison::Outcome::kGotFaster ? "Faster" : "Slower") + " than " +
         printable(name) + ": " + numbers + "; by chance in " + percent(comparison.chance) + " of such comparisons.";
}

std::string text_of(const Comparison& comparison, const Saved& now, const Saved& then, const std::string& name) {
  std::string text = sentence_of(comparison, name) + "\n";
  for (const auto& difference : comparison.differences)
    text += "not the same: " + printable(difference.name) + " was " + shown(difference.then) + ", is " +
            shown(difference.now) + "\n";
  for (const auto& [metric, value] : now.metrics) {
    const auto before = then.metrics.find(metric);
    if (before == then.metrics.end()) continue;
    char line[160];
    std::snprintf(line, sizeof line, "%-24s %12s after %12s  %s times\n", metric.c_str(), plain_number(value).c_str(),
                  plain_number(before->second).c_str(),
                  before->second == 0 ? "-" : plain_number(value / before->second).c_str());
    text += line;
  }
  return text;
}

nlohmann::json json_of(const Comparison& comparison, const std::string& name) {
  auto differences = nlohmann::json::array();
  for (const auto& difference : comparison.differences)
    differences.push_back({{"name", difference.name}, {"then", difference.then}, {"now", difference.now}});
  return {{"with", name},
          {"verdict", word_of(comparison.outcome)},
          {"text", sentence_of(comparison, name)},
          {"ratio", comparison.ratio},
          {"chance", comparison.chance},
          {"noise", comparison.noise},
          {"differences", differences}};
}

}  // namespace millrace::apps
