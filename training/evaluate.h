#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "millrace/training/data.h"
#include "millrace/training/learner.h"
#include "millrace/training/not_finite.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// What a model is worth on a split, and of how many of its samples that is said.
struct Verdict {
  std::unique_ptr<Evaluation> evaluation;
  int64_t samples = 0;
  int64_t skipped = 0;
  int64_t replaced = 0;
  NotFinite not_finite = {};
};

/// Gives the model every sample of an epoch of the split. After each batch `go_on` hears how many samples are done;
/// where it says false, nothing is given. Throws std::runtime_error when there was no sample, or one of a class that
/// the task does not have in a batch that looks_for_unknown_classes(), and what the loader throws.
std::optional<Verdict> evaluate(Learner& learner, const Task& task, Split& split,
                                const std::function<bool(int64_t done)>& go_on);

}  // namespace millrace::training
