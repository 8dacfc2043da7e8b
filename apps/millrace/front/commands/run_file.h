#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/node.h"

namespace CLI {
class App;
}

/// The configuration that a command line names, as both programs read it.
namespace millrace::apps {

/// The YAML file of a run, and what replaces settings in it.
struct RunFile {
  std::string config;
  std::vector<std::string> overrides;
  bool print_config = false;  ///< Print the settings and where each comes from, do nothing.
  bool validate = false;      ///< Open the datasets, read a first batch of each, do nothing.

  void declare(CLI::App& command);
};

/// Where the keys of the file are explained, for Command::kMore.
constexpr std::string_view kAboutKeys = "All that the file may say: millrace help config, and docs/configs.md";

/// Reads and checks it by the tables; no dataset is opened. Throws configs::ConfigError with all that is wrong.
configs::Node read_run_file(const RunFile& file);

/// Prints a line for each problem to stderr, and their number behind several. Gives kWrongUsage.
int fail(const configs::ConfigError& error);

/// Prints the settings with their origins to stdout.
void print_settings(const configs::Node& run);

}  // namespace millrace::apps
