#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/apps/millrace/front/commands/command_text.h"
#include "millrace/configs/tables/description.h"

namespace millrace::apps::commands {

/// `millrace complete`, which the scripts of `millrace completion` call at each press of the key.
struct Complete {
  std::vector<std::string> words;  ///< What stands behind `millrace`; the last is the word that is being written.

  static constexpr std::string_view kName = "complete";
  static constexpr std::string_view kAbout = "Print how a command line may go on, for shells";
  static constexpr Example kExamples[] = {
      {"millrace complete -- train photos.yaml loader.num_w", "a line for each way to write the last word to its end"},
  };
  static constexpr ExitCode kExitCodes[] = {{kDone, "always"}};
  static constexpr std::string_view kMore =
      "What ends in a space is complete. Where nothing is printed, the shell offers files";
  void declare(CLI::App& command);

  /// Prints a line for each way to go on.
  int answer(const CommandTexts& all) const;

  /// The same where a program has sections with types of its own.
  int answer(const CommandTexts& all, const std::vector<configs::tables::SectionDescription>& sections) const;
};

}  // namespace millrace::apps::commands
