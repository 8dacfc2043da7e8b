#pragma once

#include <string>
#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"

namespace millrace::apps::commands {

/// `millrace completion`
struct Completion {
  std::string shell;
  bool json = false;  ///< One line of JSON in place of the script alone.

  static constexpr std::string_view kName = "completion";
  static constexpr std::string_view kAbout = "Print what teaches a shell to complete millrace's words";
  static constexpr Example kExamples[] = {
      {"millrace completion bash", "a script: source <(millrace completion bash); make install puts it into its place"},
      {"millrace completion zsh", "a file called _millrace for a directory of fpath"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "the script is printed"},
      {kWrongUsage, "there is none for this shell"},
  };
  static constexpr std::string_view kMore =
      "Commands, options, files, keys, names and values are completed. A program with types of its own "
      "(docs/own_types.md) "
      "prints\nthe same for its own name";
  void declare(CLI::App& command);

  /// Prints the script, which asks `millrace complete`.
  int answer() const;
};

}  // namespace millrace::apps::commands
