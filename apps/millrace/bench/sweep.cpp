#include "millrace/apps/millrace/bench/sweep.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <set>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/apps/millrace/bench/comparison.h"
#include "millrace/apps/millrace/bench/consumer.h"
#include "millrace/apps/millrace/bench/metrics.h"
#include "millrace/apps/millrace/bench/spread.h"
#include "millrace/apps/millrace/front/commands/run_file.h"
#include "millrace/configs/overrides.h"
#include "millrace/configs/value.h"
#include "millrace/configs/yaml.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::apps {
namespace {

constexpr int64_t kRounds = 5;

// "1,2,[3,4]" is 1, 2 and [3,4].
std::vector<std::string> split_values(std::string_view text) {
  std::vector<std::string> values(1);
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0)
      quote = c == quote ? 0 : quote;
    else if (c == '"' || c == '\'')
      quote = c;
    else if (c == '[' || c == '{')
      ++depth;
    else if (c == ']' || c == '}')
      --depth;
    if (c == ',' && depth == 0 && quote == 0)
      values.emplace_back();
    else
      values.back() += c;
  }
  return values;
}

void require_once(const std::vector<std::string>& values, const std::string& key) {
  std::set<std::string> seen;
  for (const std::string& value : values)
    if (!seen.insert(value).second)
      throw std::invalid_argument("--sweep has " + printable(key + "=" + value) + " twice; give each value once");
}

double rate_of(const Setting& setting) { return median_of(rates_of(setting.measurement)); }

// A few names are enough to see what was not told apart; the table has all.
std::string names_of(const std::vector<Setting>& settings, const std::vector<size_t>& numbers) {
  constexpr size_t kNamed = 8;
  std::string names;
  for (size_t i = 0; i < std::min(numbers.size(), kNamed); ++i)
    names += (i == 0 ? "" : i + 1 == numbers.size() ? " and " : ", ") + name_of(settings[numbers[i]]);
  return numbers.size() > kNamed ? names + " and " + counted(numbers.size() - kNamed, "other") : names;
}

// Behind a setting's line of the table.
const char* mark_of(const Choice& choice, size_t setting) {
  if (setting == choice.taken) return choice.as_fast.empty() ? "  best" : "  taken";
  return std::ranges::count(choice.as_fast, setting) > 0 ? "  within the noise" : "";
}

configs::Node read(const commands::Bench& options, const Setting& setting, const ProgramTypes& types) {
  RunFile file = options.file;
  file.overrides.insert(file.overrides.end(), setting.overrides.begin(), setting.overrides.end());
  return read_run_file(file, [&](const configs::Node&) { return types.own(); });
}

}  // namespace

std::vector<Setting> settings_of(const std::vector<std::string>& sweep) {
  std::vector<Setting> settings(1);
  std::set<std::string> keys;
  for (const std::string& swept : sweep) {
    const size_t equals = swept.find('=');
    const std::string key = swept.substr(0, equals);
    const bool adds = key.starts_with('+') || key.ends_with('+');  // Each time another element of a list.
    if (!adds && !keys.insert(key).second)
      throw std::invalid_argument("--sweep has " + printable(key) + " twice; give all its values at once, " +
                                  printable(key) + "=VALUE,VALUE");
    const auto values = split_values(std::string_view(swept).substr(equals + 1));
    require_once(values, key);
    std::vector<Setting> longer;
    for (const Setting& setting : settings)
      for (const std::string& value : values) {
        longer.push_back(setting);
        longer.back().overrides.push_back(key + "=" + value);
        if (longer.size() > kMostSettings)
          throw std::invalid_argument("--sweep has more than " + std::to_string(kMostSettings) +
                                      " settings; give it fewer values");
      }
    settings = std::move(longer);
  }
  return settings;
}

std::vector<Setting> measure_sweep(const commands::Bench& options, const ProgramTypes& types, const Plan& plan,
                                   const Tell& tell) {
  auto settings = settings_of(options.sweep);
  std::vector<configs::Node> runs;
  runs.reserve(settings.size());
  for (Setting& setting : settings) {
    runs.push_back(read(options, setting, types));
    setting.yaml = configs::to_yaml(configs::parts_changed_by(setting.overrides, runs.back().value()),
                                    configs::Origins::kLeftOut) +
                   "\n";
    types.datasets.open(runs.back().section("loader"));  // Goes again: that there is no such folder is told now.
  }
  const int64_t rounds = std::min(kRounds, plan.windows);
  const Plan of_round{plan.warm_up_s, plan.window_s, (plan.windows + rounds - 1) / rounds};
  for (int64_t round = 0; round < rounds; ++round)
    for (size_t turn = 0; turn < settings.size(); ++turn) {
      const size_t i = (turn + static_cast<size_t>(round)) % settings.size();  // None always comes first.
      Consumer consumer(runs[i], types.datasets);
      const Measurement of_this_round = measure(consumer, of_round, [](const std::string&) {});
      add_windows(of_this_round, settings[i].measurement);
      tell("round " + std::to_string(round + 1) + "/" + std::to_string(rounds) + ", " + name_of(settings[i]) + ": " +
           plain_number(median_of(rates_of(of_this_round))) + " samples/s");
    }
  return settings;
}

Choice choose(const std::vector<Setting>& settings) {
  // One look at the memory of processes that are begun anew differs by as much.
  constexpr double kSameMemory = 1.03;
  const auto fastest = std::ranges::max_element(settings, {}, rate_of);
  const auto rates = rates_of(fastest->measurement);
  Choice choice;
  double least = fastest->measurement.workers_pss_mb;
  for (size_t i = 0; i < settings.size(); ++i) {
    const auto outcome = compare_rates(rates, rates_of(settings[i].measurement)).outcome;
    if (outcome == Comparison::Outcome::kGotFaster) continue;
    if (outcome == Comparison::Outcome::kTooFewWindows) choice.has_few_windows = true;
    choice.as_fast.push_back(i);
    least = std::min(least, settings[i].measurement.workers_pss_mb);
  }
  const auto taken = std::ranges::find_if(
      choice.as_fast, [&](size_t i) { return settings[i].measurement.workers_pss_mb <= kSameMemory * least; });
  choice.taken = *taken;
  choice.as_fast.erase(taken);
  return choice;
}

std::string sentence_of(const std::vector<Setting>& settings, const Choice& choice) {
  const std::string taken = name_of(settings[choice.taken]);
  if (choice.as_fast.empty())
    return "The best: " + taken +
           (settings.size() == 1 ? ", which alone was measured." : ", faster than all others by more than the noise.");
  std::string text = "No best: the noise does not tell " + taken + " from " + names_of(settings, choice.as_fast) +
                     ". Taken is " + taken + ", the first of them whose workers need the least memory.";
  if (choice.has_few_windows) text += " So few windows tell nothing apart; measure five or more of each (--repeats).";
  return text;
}

std::string name_of(const Setting& setting) {
  std::string name;
  for (const std::string& override_ : setting.overrides) name += (name.empty() ? "" : " ") + printable(override_);
  return name;
}

std::string text_of(const std::vector<Setting>& settings) {
  size_t width = 0;
  for (const Setting& setting : settings) width = std::max(width, name_of(setting).size());
  char line[512];
  std::snprintf(line, sizeof line, "%-*s %12s %8s %14s %14s %10s\n", static_cast<int>(width), "setting", "samples/s",
                "MAD", "us next() p99", "CPU us/sample", "MB workers");
  std::string text = line;
  const Choice choice = choose(settings);
  for (size_t i = 0; i < settings.size(); ++i) {
    const Setting& setting = settings[i];
    const Spread spread = spread_of(rates_of(setting.measurement));
    double cpu_s = 0, samples = 0;
    for (const Window& window : setting.measurement.windows) {
      cpu_s += window.cpu_s;
      samples += static_cast<double>(window.samples);
    }
    std::snprintf(line, sizeof line, "%-*s %12s %8s %14s %14s %10s%s\n", static_cast<int>(width),
                  name_of(setting).c_str(), plain_number(spread.median).c_str(),
                  percent(spread.mad / spread.median).c_str(),
                  plain_number(1e6 * setting.measurement.next.quantile(0.99)).c_str(),
                  plain_number(1e6 * cpu_s / samples).c_str(), plain_number(setting.measurement.workers_pss_mb).c_str(),
                  mark_of(choice, i));
    text += line;
  }
  return text + sentence_of(settings, choice) + "\n\n" + settings[choice.taken].yaml;
}

nlohmann::json json_of(const std::vector<Setting>& settings) {
  auto rows = nlohmann::json::array();
  for (const Setting& setting : settings) {
    auto metrics = nlohmann::json::object();
    for (const auto& metric : metrics_of(setting.measurement)) metrics[metric.name] = metric.value;
    rows.push_back({{"overrides", setting.overrides},
                    {"metrics", metrics},
                    {"samples_per_s_of_windows", rates_of(setting.measurement)}});
  }
  const Choice choice = choose(settings);
  auto as_fast = nlohmann::json::array();
  for (const size_t i : choice.as_fast) as_fast.push_back(settings[i].overrides);
  const Setting& taken = settings[choice.taken];
  return {{"sweep", rows},
          {"best",
           {{"overrides", taken.overrides},
            {"yaml", taken.yaml},
            {"not_told_apart_from", as_fast},
            {"text", sentence_of(settings, choice)}}}};
}

}  // namespace millrace::apps
