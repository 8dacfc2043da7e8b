#pragma once

#include <string>
#include <vector>

#include "millrace/loader/stats.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/data.h"
#include "millrace/training/tasks/task.h"

/// What a run says of itself beside its epochs.
namespace millrace::apps {

/// "20 samples in 3 classes, image: Byte [3, 128, 128], label: Long []", and on a second line where it goes on.
std::string first_line(const training::Split& split, const training::Task& task, const training::Position& position);

/// "trained 5 epochs in 9.85 s: 11 samples/s, waited for data 1.2 % of the time".
std::string last_line(const training::Position& position);

/// What the progress line tells beside how far it is: the loss of the last batch, what was lost, and the waiting.
std::vector<std::string> progress_notes(const training::Position& position, double loss, const LoaderStats& stats);

}  // namespace millrace::apps
