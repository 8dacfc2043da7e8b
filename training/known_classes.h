#pragma once

#include <optional>
#include <string>

#include "millrace/configs/node.h"
#include "millrace/loader/batch.h"
#include "millrace/training/data.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// What is wrong with a batch in which a sample is of a class that the task does not have, of which PyTorch's error
/// names neither, and a GPU takes no more work behind it: "sample 7 ('a.png') has 9 in the field label, where …".
/// Nothing where there is none. Waits for the device that has the batch.
std::optional<std::string> text_of_unknown_class(const Task& task, const Batch& batch, const Split& split);

/// Throws it as a ConfigError at `classes` of the run, or at `dataset` where the run leaves that out.
void require_known_classes(const configs::Node& run, const Task& task, const Batch& batch, const Split& split);

}  // namespace millrace::training
