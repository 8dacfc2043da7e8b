#pragma once

#include <string>
#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"
#include "millrace/apps/millrace/front/commands/run_file.h"

namespace millrace::apps::commands {

/// `millrace train`
struct Train {
  RunFile file;
  std::string resume;  ///< The directory of the run that goes on. Empty: a new one.
  std::string trace;   ///< A file that takes a trace of what was done when; see Trace. Empty: none.

  static constexpr std::string_view kName = "train";
  static constexpr std::string_view kAbout = "Train a model on what a YAML file describes";
  static constexpr Example kExamples[] = {
      {"millrace train photos.yaml", "trains; the run's directory, runs/photos, has all that it was"},
      {"millrace train photos.yaml --validate", "reads a first batch of each dataset and says what it looks like"},
      {"millrace train photos.yaml epochs=4 ema.decay=0.99", "trains with other settings than the file's"},
      {"millrace train --resume runs/photos", "goes on where that run was stopped or killed"},
      {"millrace train --resume runs/photos epochs=6", "and further than it was to go"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "all is trained, or the settings are printed or found right"},
      {kWorkFailed,
       "training failed: a file that cannot be read, no memory, a broken device, a loss that is no number"},
      {kWrongUsage, "the command line or the configuration is wrong; nothing was trained"},
      {kStopped, "stopped by Ctrl-C or SIGTERM; a checkpoint is saved, and --resume goes on from there"},
  };
  static constexpr std::string_view kMore = kAboutKeys;
  void declare(CLI::App& command);

  /// What the run's directory is called: "digits" of "configs/digits.yaml".
  std::string name() const;
};

}  // namespace millrace::apps::commands
