#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/apps/millrace/train/epoch_report.h"
#include "millrace/apps/millrace/train/run_output.h"
#include "millrace/loader/stats.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/data.h"
#include "millrace/training/tasks/task.h"

/// What a run says of itself beside its epochs.
namespace millrace::apps {

/// "20 samples in 3 classes, image: Byte [3, 128, 128], label: Long []".
RunLine first_line(const training::Split& split, const training::Task& task);

/// Where a run goes on: "going on in epoch 2 behind batch 3". `is_at_its_end`: there is nothing left to train, of
/// so many epochs.
RunLine going_on_line(const training::Position& position, int64_t epochs, bool is_at_its_end);

/// "trained 5 epochs in 9.85 s: 11 samples/s, waited for data 1.2 % of the time, test accuracy 75.00 %". `last`: the
/// last epoch, null where nothing was left to train; `deciding`: the name of the metric by which the best epoch was
/// chosen; `directory`: that of the run, nothing where it has none.
RunLine last_line(const training::Position& position, const EpochReport* last, const std::string& deciding,
                  const std::optional<std::string>& directory);

/// "no better than epoch 3 for 2 epochs: early_stop.patience ends training".
RunLine early_stop_line(const training::Position& position);

/// "stopped by Ctrl-C in epoch 2 behind batch 3; go on with: millrace train --resume runs/photos".
RunLine stopped_line(const training::Position& position, std::string_view cause,
                     const std::optional<std::string>& directory);

/// What the progress line tells beside how far it is: the loss of the last batch, what was lost, and the waiting.
std::vector<std::string> progress_notes(const training::Position& position, double loss, const LoaderStats& stats);

}  // namespace millrace::apps
