#include "millrace/apps/millrace/train/setup.h"

#include <ATen/Parallel.h>

#include "millrace/apps/millrace/train/epoch_report.h"
#include "millrace/training/trainer_parts.h"

namespace millrace::apps {

Setup::Setup(const configs::Node& run, const ProgramTypes& types, Profile profile, std::optional<int64_t> workers)
    : settings(training::read_settings(run)),
      device(training::read_device(run, settings.run.device)),
      split(training::open_split(run, loading(types, profile, workers))),
      task(training::make_task(run, settings, split)),
      learner(training::make_learner(run, settings, split.spec, task->outputs(), types.models)),
      trainer(learner, training::make_trainer_parts(run, settings, *task, learner, split)) {}

training::LoadingOptions Setup::loading(const ProgramTypes& types, Profile profile,
                                        std::optional<int64_t> workers) const {
  return {device, settings.run.seed, /*shuffle=*/true, &types.datasets, profile, workers};
}

RunSetup::RunSetup(const configs::Node& run, const ProgramTypes& types, Profile profile, std::optional<int64_t> workers)
    : Setup(run, types, profile, workers),
      test(training::open_test_split(run, split, loading(types, Profile::kOff, workers))) {
  at::set_num_threads(training::trainer_threads(*split.loader));
}

std::vector<std::string> RunSetup::metrics() const {
  return metric_names(test ? task->evaluation()->measures() : std::vector<training::Measure>());
}

}  // namespace millrace::apps
