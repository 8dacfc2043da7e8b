#pragma once

#include "millrace/configs/node.h"
#include "millrace/training/data.h"
#include "millrace/training/learner.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// Asks the model for what it makes of black samples, as a step of training would, and throws ConfigError where that
/// fails or is not what the task takes: at `model`, or at `loader` where only the last batch, of one sample, fails.
/// Model and random numbers are afterwards as before.
void try_model(const configs::Node& run, const Learner& learner, const Task& task, const Split& split);

}  // namespace millrace::training
