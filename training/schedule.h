#pragma once

#include <cstdint>
#include <functional>

#include "millrace/configs/node.h"

namespace millrace::training {

/// Where a step stands in a run.
struct StepPlace {
  int64_t step = 0;             ///< From 0.
  int64_t steps = 1;            ///< Of the whole run.
  int64_t steps_per_epoch = 1;  ///< Of the optimizer, not of the loader.
};

/// The share of the optimizer's learning rate that a step takes: pure, so that a run that goes on from a checkpoint
/// needs nothing but the number of its step.
using Schedule = std::function<double(const StepPlace&)>;

/// Throws ConfigError for epochs of a section `schedule` that do not grow, and warns (tell()) of what never comes in a
/// run of so many epochs: drops, or the whole rate behind the warm-up. A short run of a long plan is a good first try.
void check_schedule(const configs::Node& schedule, int64_t epochs);

/// Of a section `schedule`: those of tables::NamedSchedules. Throws ConfigError.
Schedule read_schedule(const configs::Node& schedule);

}  // namespace millrace::training
