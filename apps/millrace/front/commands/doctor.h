#pragma once

#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"

namespace millrace::apps::commands {

/// `millrace doctor`
struct Doctor {
  bool json = false;   ///< One line of JSON in place of a line a check.
  bool quick = false;  ///< Only what is known without a process, a driver or LibTorch.

  static constexpr std::string_view kName = "doctor";
  static constexpr std::string_view kAbout = "Say what this machine can do, what limits it and what helps";
  static constexpr Example kExamples[] = {
      {"millrace doctor", "a line for each check, with a cure where one is known"},
      {"millrace doctor --quick --json", "one line of JSON, without the checks that load LibTorch or a driver"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "the loader can run here"},
      {kWorkFailed, "something that it needs is not available"},
      {kWrongUsage, "the command line is wrong"},
  };
  static constexpr std::string_view kMore = "";
  void declare(CLI::App& command);
};

}  // namespace millrace::apps::commands
