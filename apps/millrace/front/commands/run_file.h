#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/check.h"
#include "millrace/configs/node.h"

namespace CLI {
class App;
}

/// The configuration that a command line names, as both programs read it.
namespace millrace::apps {

/// The YAML file of a run, and what replaces settings in it.
struct RunFile {
  std::string config;  ///< The file, or what find_config() finds it by.
  std::vector<std::string> overrides;
  std::string print_config;  ///< Print the settings, kSaid or kAll, and where each comes from, do nothing. Empty: run.
  bool validate = false;     ///< Open the datasets, read a first batch of each, do nothing.
  bool json = false;         ///< Print lines of JSON in place of words and tables.

  static constexpr const char* kSaid = "said";  ///< Those that file and command line say.
  static constexpr const char* kAll = "all";    ///< And those that are taken for granted.

  void declare(CLI::App& command);
};

/// Where the keys of the file are explained, for Command::kMore.
constexpr std::string_view kAboutKeys = "All that the file may say: millrace help config, and docs/configs.md";

/// Reads and checks it by the tables and what `find_own` says to be added to them; no dataset is opened. Throws
/// configs::ConfigError with all that is wrong.
configs::Node read_run_file(const RunFile& file, const configs::FindOwnTypes& find_own);

/// What `millrace-run` adds to the tables, as far as that is known without LibTorch: the datasets of bench, and unknown
/// types where the run names libraries.
configs::OwnTypes types_of_runner(const configs::Node& run);

/// The `type` of a section of the file, "image_folder" of "test.dataset"; "" where it says none. Throws
/// configs::ConfigError when the file cannot be read.
std::string type_of_section(const RunFile& file, const std::string& section);

/// Prints the settings with their origins to stdout.
void print_settings(const RunFile& file, const configs::Node& run);

}  // namespace millrace::apps
