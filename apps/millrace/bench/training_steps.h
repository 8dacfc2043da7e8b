#pragma once

#include "millrace/apps/millrace/bench/feeding.h"
#include "millrace/apps/millrace/bench/measurement.h"
#include "millrace/apps/millrace/program_types.h"
#include "millrace/configs/node.h"

namespace millrace::apps {

/// Steps of training that were really done, with the loader that feeds them.
struct TrainingSteps {
  Demand step;   ///< "small_cnn on cpu", which takes the median of the steps.
  Stepped seen;  ///< Whatever is no step is waiting.
};

/// Trains as `millrace train` does, of its first weights, for as long as the plan says, and keeps nothing of it. Each
/// step ends when the device has done it. Throws configs::ConfigError for a run that names no model or cannot be
/// trained, and what the loader throws.
TrainingSteps measure_training_steps(const configs::Node& run, const ProgramTypes& types, const Plan& plan);

}  // namespace millrace::apps
