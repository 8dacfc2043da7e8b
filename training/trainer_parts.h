#pragma once

#include "millrace/configs/node.h"
#include "millrace/loader/data_loader.h"
#include "millrace/training/data.h"
#include "millrace/training/learner.h"
#include "millrace/training/settings.h"
#include "millrace/training/tasks/task.h"
#include "millrace/training/trainer.h"

namespace millrace::training {

/// The optimizer, the schedule and whatever else of a run a Trainer goes through, for a model that is made. Borrows the
/// task. Throws ConfigError.
TrainerParts make_trainer_parts(const configs::Node& run, const Settings& settings, const Task& task,
                                const Learner& learner, const Split& split);

/// Threads of the trainer. It shares the processors that this process may use with its workers: a container may have
/// few of many.
int trainer_threads(const DataLoader& loader);

}  // namespace millrace::training
