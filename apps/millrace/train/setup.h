#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/apps/millrace/program_types.h"
#include "millrace/configs/node.h"
#include "millrace/loader/options.h"
#include "millrace/training/data.h"
#include "millrace/training/learner.h"
#include "millrace/training/settings.h"
#include "millrace/training/tasks/task.h"
#include "millrace/training/trainer.h"

namespace millrace::apps {

/// All that steps of training take, made of a run's configuration, which has to live as long. Not thread-safe.
class Setup {
 public:
  /// `profile`: what is measured of the workers that read to train; `workers`: in place of those that the file says.
  /// Throws ConfigError.
  Setup(const configs::Node& run, const ProgramTypes& types, Profile profile, std::optional<int64_t> workers);

  Setup(const Setup&) = delete;
  Setup& operator=(const Setup&) = delete;

  training::Settings settings;
  c10::Device device;
  training::Split split;
  std::unique_ptr<training::Task> task;
  training::Learner learner;
  training::Trainer trainer;

 protected:
  training::LoadingOptions loading(const ProgramTypes& types, Profile profile, std::optional<int64_t> workers) const;
};

/// All that a run trains with, and is judged by. LibTorch has as many threads then as training takes.
class RunSetup : public Setup {
 public:
  /// As Setup.
  RunSetup(const configs::Node& run, const ProgramTypes& types, Profile profile, std::optional<int64_t> workers);

  /// The names of an epoch's metrics.
  std::vector<std::string> metrics() const;

  std::optional<training::Split> test;
};

}  // namespace millrace::apps
