#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/apps/millrace/front/commands/command.h"

namespace millrace::apps::commands {

/// `millrace predict`
struct Predict {
  std::string trained;                     ///< A run's directory or a checkpoint.
  std::string input;                       ///< A folder, a picture or a list; empty: the run's test split.
  std::vector<std::string> overrides;      ///< Settings in place of the run's.
  std::string output = "predictions.csv";  ///< The file with the rows; "-": stdout.
  int64_t top = 1;                         ///< So many of the likeliest classes.
  bool json = false;                       ///< One line of JSON in place of the summary.

  static constexpr std::string_view kName = "predict";
  static constexpr std::string_view kAbout = "Ask a trained model about pictures: a row for each, as CSV";
  static constexpr Example kExamples[] = {
      {"millrace predict runs/photos photos/new", "asks the best model of the run about each picture of a folder"},
      {"millrace predict runs/photos photos/new --top 3 --output -", "prints the three likeliest classes of each"},
      {"millrace predict runs/photos", "of the run's own test split, and says how good it is"},
      {"millrace predict runs/photos/last.pt list.csv loader.num_workers=4", "of another checkpoint and a list"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone, "each sample has its row"},
      {kWorkFailed,
       "no row could be written; or some samples could not be read, whose rows have the error: with "
       "loader.on_error=skip that is no failure"},
      {kWrongUsage, "the command line or a setting is wrong, or the checkpoint is one of another model"},
      {kStopped, "stopped by Ctrl-C or SIGTERM; no row is written"},
  };
  static constexpr std::string_view kMore = "More: docs/training.md, \"Predicting\"";
  void declare(CLI::App& command);
};

}  // namespace millrace::apps::commands
