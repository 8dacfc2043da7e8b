#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "millrace/apps/millrace/front/commands/command.h"
#include "millrace/configs/tables/description.h"

namespace millrace::apps::commands {

/// `millrace help`
struct Help {
  std::string topic;    ///< The topic: config alone today.
  std::string section;  ///< A part of the topic; see configs::tables::help_text(). Empty: a list of all.
  bool json = false;    ///< One line of JSON with all sections, their types and keys.

  static constexpr std::string_view kName = "help";
  static constexpr std::string_view kAbout = "List what a configuration may say";
  static constexpr Example kExamples[] = {
      {"millrace help config", "the sections, and the names that each takes"},
      {"millrace help config sampler", "all samplers with their keys"},
      {"millrace help config loader.batch_size", "one key"},
      {"millrace help config --json", "all sections, types and keys as one line of JSON"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "the topic is printed"},
      {kWrongUsage, "there is no such topic"},
  };
  static constexpr std::string_view kMore = "";
  void declare(CLI::App& command);

  /// Prints what is known of the topic.
  int answer() const;

  /// The same of a program that adds entries to the sections.
  int answer(const std::vector<configs::tables::SectionDescription>& sections) const;
};

}  // namespace millrace::apps::commands
