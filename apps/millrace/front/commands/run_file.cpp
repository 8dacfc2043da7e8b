#include "millrace/apps/millrace/front/commands/run_file.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <string>

#include "millrace/apps/millrace/front/commands/exit.h"
#include "millrace/configs/check.h"
#include "millrace/configs/yaml.h"

namespace millrace::apps {

void RunFile::declare(CLI::App& command) {
  command.add_option("config", config, "YAML file; configs/ has some to start from");
  command.add_option("overrides", overrides, "settings in place of the file's, such as loader.batch_size=128");
  command.add_flag("--print-config", print_config, "print the settings and where each comes from, do nothing");
  command.add_flag("--validate", validate, "open the datasets and say what a first batch looks like, do nothing");
}

configs::Node read_run_file(const RunFile& file) {
  // Datasets of bench, which its own code reads.
  return configs::load_run(file.config, file.overrides, {.datasets = {"filled", "rows"}});
}

int fail(const configs::ConfigError& error) {
  const auto& problems = error.problems();
  for (size_t i = 0; i < std::min(problems.size(), configs::ConfigError::kTold); ++i)
    fail(kWrongUsage, problems[i].text);
  if (problems.size() > 1) fail(kWrongUsage, std::to_string(problems.size()) + " errors in the configuration");
  return kWrongUsage;
}

void print_settings(const configs::Node& run) { std::puts(configs::to_yaml(run.value()).c_str()); }

}  // namespace millrace::apps
