#include "millrace/apps/millrace/train/setup.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <stdexcept>

#include "millrace/apps/millrace/train/epoch_report.h"
#include "millrace/loader/data_loader.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/training/optimizer.h"
#include "millrace/training/schedule.h"

namespace millrace::apps {
namespace {

// The trainer and its workers share the processors that this process may use: a container may have few of many.
int trainer_threads(const DataLoader& loader) {
  return static_cast<int>(std::max<int64_t>(1, processors().usable() - loader.options().num_workers()));
}

int64_t steps_per_epoch(const configs::Node& run, const DataLoader& loader, const configs::tables::Gradients& keys) {
  int64_t batches = 0;
  try {
    batches = loader.size();
  } catch (const std::logic_error&) {
    throw run["dataset"].error("how many samples it has is not known, and so not how many steps training has");
  }
  if (batches == 0)
    throw run["loader"].error("an epoch has no batch: drop_last drops the only one; use a smaller batch_size");
  return (batches + keys.accumulate - 1) / keys.accumulate;
}

}  // namespace

Setup::Setup(const configs::Node& run, const ProgramTypes& types, Profile profile, std::optional<int64_t> workers)
    : settings(training::read_settings(run)),
      device(training::read_device(run, settings.run.device)),
      split(training::open_split(run, loading(types, profile, workers))),
      test(training::open_test_split(run, split, loading(types, Profile::kOff, workers))),
      task(training::make_task(run, settings, split)),
      learner(training::make_learner(run, settings, split.spec, task->outputs(), types.models)),
      trainer(learner, parts(run)) {
  at::set_num_threads(trainer_threads(*split.loader));
}

std::vector<std::string> Setup::metrics() const {
  return metric_names(test ? task->evaluation()->measures() : std::vector<training::Measure>());
}

training::LoadingOptions Setup::loading(const ProgramTypes& types, Profile profile,
                                        std::optional<int64_t> workers) const {
  return {device, settings.run.seed, /*shuffle=*/true, &types.datasets, profile, workers};
}

training::TrainerParts Setup::parts(const configs::Node& run) const {
  training::TrainerParts parts;
  parts.task = task.get();
  parts.optimizer = training::read_optimizer(run["optimizer"], learner.model->parameters());
  parts.schedule = training::read_schedule(run["schedule"]);
  training::check_schedule(run["schedule"], settings.run.epochs);
  parts.plan.steps_per_epoch = steps_per_epoch(run, *split.loader, settings.gradients);
  parts.plan.steps = parts.plan.steps_per_epoch * settings.run.epochs;
  if (settings.ema.decay > 0) parts.ema.emplace(settings.ema.decay, *learner.model);
  parts.mix = settings.mix;
  if ((parts.mix.mixup > 0 || parts.mix.cutmix > 0) && !task->has_classes())
    throw run["mix"].error("is for classification; remove it for " + std::string(task->name()));
  parts.gradients = settings.gradients;
  parts.seed = settings.run.seed;
  return parts;
}

}  // namespace millrace::apps
