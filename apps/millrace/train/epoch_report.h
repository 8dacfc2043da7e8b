#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/train/run_output.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/evaluate.h"
#include "millrace/training/tasks/task.h"

namespace millrace::apps {

/// What an epoch was.
struct EpochReport {
  RunLine told;                                         ///< "epoch 2/5: loss 1.0141, test accuracy 25.00 %".
  std::vector<std::pair<std::string, double>> metrics;  ///< By the names of metric_names().
  training::Measure deciding;                           ///< By which the best epoch is chosen.
  std::string deciding_text;                            ///< ", test accuracy 25.00 %"; "" without a test split.
};

/// The epoch from `before` to `after`, one of `epochs`, whose next step would have this rate. `verdict`: of the test
/// split.
EpochReport report_epoch(const training::Position& before, const training::Position& after, int64_t epochs,
                         double learning_rate, const std::optional<training::Verdict>& verdict);

/// The names of an epoch's metrics. `measures`: those of the test split; none without one.
std::vector<std::string> metric_names(const std::vector<training::Measure>& measures);

}  // namespace millrace::apps
