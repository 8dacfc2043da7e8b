#include "millrace/training/trainer_parts.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/processors.h"
#include "millrace/training/optimizer.h"
#include "millrace/training/schedule.h"

namespace millrace::training {
namespace {

int64_t steps_per_epoch(const configs::Node& run, const Split& split, const configs::tables::Gradients& keys) {
  int64_t batches = 0;
  try {
    batches = split.loader->size();
  } catch (const std::logic_error&) {
    throw run["dataset"].error("how many samples it has is not known, and so not how many steps training has");
  }
  if (batches == 0)
    throw run["loader"].error("an epoch has no batch: drop_last drops the only one; use a smaller batch_size");
  return (batches + keys.accumulate - 1) / keys.accumulate;
}

}  // namespace

TrainerParts make_trainer_parts(const configs::Node& run, const Settings& settings, const Task& task,
                                const Learner& learner, const Split& split) {
  TrainerParts parts;
  parts.task = &task;
  parts.optimizer = read_optimizer(run["optimizer"], learner.model->parameters());
  parts.schedule = read_schedule(run["schedule"]);
  check_schedule(run["schedule"], settings.run.epochs);
  parts.plan.steps_per_epoch = steps_per_epoch(run, split, settings.gradients);
  parts.plan.steps = parts.plan.steps_per_epoch * settings.run.epochs;
  if (settings.ema.decay > 0) parts.ema.emplace(settings.ema.decay, *learner.model);
  parts.mix = settings.mix;
  if ((parts.mix.mixup > 0 || parts.mix.cutmix > 0) && !task.has_classes())
    throw run["mix"].error("is for classification; remove it for " + std::string(task.name()));
  parts.gradients = settings.gradients;
  parts.seed = settings.run.seed;
  return parts;
}

int trainer_threads(const DataLoader& loader) {
  return static_cast<int>(std::max<int64_t>(1, processors().usable() - loader.options().num_workers()));
}

}  // namespace millrace::training
