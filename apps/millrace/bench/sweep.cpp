#include "millrace/apps/millrace/bench/sweep.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/apps/millrace/bench/consumer.h"
#include "millrace/apps/millrace/bench/metrics.h"
#include "millrace/apps/millrace/bench/spread.h"
#include "millrace/apps/millrace/front/commands/run_file.h"
#include "millrace/configs/overrides.h"
#include "millrace/configs/value.h"
#include "millrace/configs/yaml.h"
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

double rate_of(const Setting& setting) { return median_of(rates_of(setting.measurement)); }

// The lines without the comments that say where each value is from.
std::string without_origins(const std::string& yaml) {
  std::istringstream lines(yaml);
  std::string text;
  for (std::string line; std::getline(lines, line);) text += line.substr(0, line.find("  # command line '")) + "\n";
  return text;
}

configs::Node read(const commands::Bench& options, const Setting& setting, const ProgramTypes& types) {
  RunFile file = options.file;
  file.overrides.insert(file.overrides.end(), setting.overrides.begin(), setting.overrides.end());
  return read_run_file(file, [&](const configs::Node&) { return types.own(); });
}

}  // namespace

std::vector<Setting> settings_of(const std::vector<std::string>& sweep) {
  std::vector<Setting> settings(1);
  for (const std::string& swept : sweep) {
    const size_t equals = swept.find('=');
    const std::string key = swept.substr(0, equals);
    const auto values = split_values(std::string_view(swept).substr(equals + 1));
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
  for (const Setting& setting : settings) {
    runs.push_back(read(options, setting, types));
    types.datasets.open(runs.back().section("loader"));  // Goes again: that there is no such folder is told now.
  }
  const int64_t rounds = std::min(kRounds, plan.windows);
  const Plan of_round{plan.warm_up_s, plan.window_s, (plan.windows + rounds - 1) / rounds};
  for (int64_t round = 0; round < rounds; ++round)
    for (size_t turn = 0; turn < settings.size(); ++turn) {
      const size_t i = (turn + static_cast<size_t>(round)) % settings.size();  // None always comes first.
      Consumer consumer(runs[i], types.datasets);
      add_windows(measure(consumer, of_round, [](const std::string&) {}), settings[i].measurement);
      tell("round " + std::to_string(round + 1) + "/" + std::to_string(rounds) + ", " + name_of(settings[i]) + ": " +
           plain_number(rate_of(settings[i])) + " samples/s");
    }
  return settings;
}

const Setting& best_of(const std::vector<Setting>& settings) {
  constexpr double kSurely = 0.05;
  const auto fastest = std::max_element(settings.begin(), settings.end(),
                                        [](const Setting& a, const Setting& b) { return rate_of(a) < rate_of(b); });
  const auto rates = rates_of(fastest->measurement);
  const Setting* best = &*fastest;
  for (const Setting& setting : settings)
    if (probability_of_chance(rates_of(setting.measurement), rates) > kSurely &&
        setting.measurement.workers_pss_mb < best->measurement.workers_pss_mb)
      best = &setting;
  return *best;
}

std::string name_of(const Setting& setting) {
  std::string name;
  for (const std::string& override_ : setting.overrides) name += (name.empty() ? "" : " ") + printable(override_);
  return name;
}

std::string yaml_of(const Setting& setting) {
  configs::Value document;
  document.kind = configs::Value::Kind::kMap;
  for (const std::string& override_ : setting.overrides) configs::apply_override(document, override_);
  return without_origins(configs::to_yaml(document));
}

std::string text_of(const std::vector<Setting>& settings) {
  size_t width = 0;
  for (const Setting& setting : settings) width = std::max(width, name_of(setting).size());
  char line[512];
  std::snprintf(line, sizeof line, "%-*s %12s %8s %14s %14s %10s\n", static_cast<int>(width), "setting", "samples/s",
                "MAD", "us next() p99", "CPU us/sample", "MB workers");
  std::string text = line;
  const Setting& best = best_of(settings);
  for (const Setting& setting : settings) {
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
                  &setting == &best ? "  best" : "");
    text += line;
  }
  return text + "The best: the least memory of workers among those that the noise does not tell from the fastest.\n\n" +
         yaml_of(best);
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
  const Setting& best = best_of(settings);
  return {{"sweep", rows}, {"best", {{"overrides", best.overrides}, {"yaml", yaml_of(best)}}}};
}

}  // namespace millrace::apps
