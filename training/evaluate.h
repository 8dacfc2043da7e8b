#pragma once

#include <cstdint>
#include <memory>

#include "millrace/training/data.h"
#include "millrace/training/learner.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// What a model is worth on a split, and of how many of its samples that is said.
struct Verdict {
  std::unique_ptr<Evaluation> evaluation;
  int64_t samples = 0;
  int64_t skipped = 0;
  int64_t replaced = 0;
};

/// Gives the model every sample of an epoch of the split. Throws std::runtime_error when there was none, and what the
/// loader throws.
Verdict evaluate(Learner& learner, const Task& task, Split& split);

}  // namespace millrace::training
