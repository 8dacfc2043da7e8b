#pragma once

#include <string>
#include <string_view>

#include "millrace/apps/millrace/front/commands/command_text.h"

namespace millrace::apps::commands {

/// `millrace reference`, by which the build writes the man page and a test compares docs/commands.md.
struct Reference {
  std::string form;
  bool json = false;  ///< One line of JSON in place of the page alone.

  static constexpr std::string_view kName = "reference";
  static constexpr std::string_view kAbout = "Print a page about all commands";
  static constexpr Example kExamples[] = {
      {"millrace reference man", "the man page"},
      {"millrace reference markdown", "what docs/commands.md says of the commands"},
  };
  static constexpr ExitCode kExitCodes[] = {{kDone, "the page is printed"}, {kWrongUsage, "there is no such form"}};
  static constexpr std::string_view kMore = "";
  void declare(CLI::App& command);

  /// Prints the page.
  int answer(const CommandTexts& all) const;
};

}  // namespace millrace::apps::commands
