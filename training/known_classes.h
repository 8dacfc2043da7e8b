#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <optional>
#include <string>

#include "millrace/configs/node.h"
#include "millrace/loader/batch.h"
#include "millrace/training/data.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// Whether a batch is looked at for samples of unknown classes: on a device, where looking costs, only the first one
/// is. `before`: how many samples came before it.
bool looks_for_unknown_classes(c10::Device device, int64_t before);

/// What is wrong with a batch in which a sample is of a class that the task does not have, of which PyTorch's error
/// names neither, and a GPU takes no more work behind it: "sample 7 ('a.png') has 9 in the field label, where …".
/// Nothing where there is none. Waits for the device that has the batch.
std::optional<std::string> text_of_unknown_class(const Task& task, const Batch& batch, const Split& split);

/// Throws it as a ConfigError at `classes` of the run, or at `dataset` where the run leaves that out.
void require_known_classes(const configs::Node& run, const Task& task, const Batch& batch, const Split& split);

/// The same of all samples, where the dataset of that pipeline knows their labels without reading them. With a sampler,
/// which may leave some out, nothing is looked at.
void require_known_labels(const configs::Node& run, const Task& task, const configs::Node& pipeline,
                          const Split& split);

}  // namespace millrace::training
