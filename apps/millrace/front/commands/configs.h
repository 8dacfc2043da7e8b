#pragma once

#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"

namespace millrace::apps::commands {

/// `millrace configs`
struct Configs {
  bool json = false;  ///< One line of JSON in place of a line a configuration.

  static constexpr std::string_view kName = "configs";
  static constexpr std::string_view kAbout = "List the configurations that come with Millrace";
  static constexpr Example kExamples[] = {
      {"millrace configs", "their names, and what each is for"},
      {"millrace configs --json", "the same with the paths of their files, as one line of JSON"},
  };
  static constexpr ExitCode kExitCodes[] = {{kDone, "they are listed"}, {kWrongUsage, "the command line is wrong"}};
  static constexpr std::string_view kMore =
      "train and bench find them by their name: millrace train photos dataset.root=somewhere/train";
  void declare(CLI::App& command);

  /// Prints the list.
  int answer() const;
};

}  // namespace millrace::apps::commands
