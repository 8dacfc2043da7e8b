#pragma once

#include <string>
#include <string_view>

#include "millrace/apps/millrace/front/commands/command.h"

namespace millrace::apps::commands {

/// `millrace export`
struct Export {
  std::string trained;  ///< A run's directory or a checkpoint.
  std::string output;   ///< The file of the weights.
  bool json = false;    ///< One line of JSON in place of the summary.

  static constexpr std::string_view kName = "export";
  static constexpr std::string_view kAbout = "Write a trained model's weights to a file that Python reads";
  static constexpr Example kExamples[] = {
      {"millrace export runs/photos photos.safetensors", "the weights of the run's best model, for safetensors"},
      {"millrace export runs/photos/last.pt photos.pt", "those of another checkpoint, as a state_dict for torch.load"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "the file is written"},
      {kWorkFailed,
       "there is no such checkpoint, or the file cannot be written or is there already; nothing is written"},
      {kWrongUsage, "the command line is wrong, such as a file of another ending"},
  };
  static constexpr std::string_view kMore = "More: docs/training.md, \"Weights for Python\"";
  void declare(CLI::App& command);
};

}  // namespace millrace::apps::commands
