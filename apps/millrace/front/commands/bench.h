#pragma once

#include <cstdint>
#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"
#include "millrace/apps/millrace/front/commands/run_file.h"

namespace millrace::apps::commands {

/// `millrace bench`
struct Bench {
  RunFile file;
  double warmup_s = 10;  ///< Time before the first window, at most: it begins where rates agree.
  double window_s = 1;   ///< Length of a window.
  int64_t repeats = 10;  ///< Windows; rates are their medians.
  int64_t batches = 0;   ///< Take so many batches without a warm-up, as one window; 0: windows of some time.

  static constexpr std::string_view kName = "bench";
  static constexpr std::string_view kAbout = "Measure a loader, with nothing trained";
  static constexpr Example kExamples[] = {
      {"millrace bench photos.yaml", "samples a second, CPU time, memory, and what each number means"},
      {"millrace bench photos.yaml loader.num_workers=4 --window 2", "the same for four workers, in longer windows"},
      {"millrace bench photos.yaml --batches 3", "what three batches take, the first one apart"},
      {"millrace bench photos.yaml --json", "one line of JSON for a program"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "the loader is measured, or the settings are printed or found right"},
      {kWorkFailed, "the loader failed: a file that cannot be read, no memory"},
      {kWrongUsage, "the command line or the configuration is wrong; nothing was measured"},
  };
  static constexpr std::string_view kMore = kAboutKeys;
  void declare(CLI::App& command);
};

}  // namespace millrace::apps::commands
