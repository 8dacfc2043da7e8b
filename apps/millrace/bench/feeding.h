#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/breakdown.h"
#include "millrace/apps/millrace/bench/consumer.h"
#include "millrace/apps/millrace/bench/measurement.h"

namespace millrace::apps {

/// What an accelerator asks of a loader, in MLPerf Storage's terms.
struct Demand {
  std::string name;               ///< Of the published workload, or what was trained; empty: a step of some time.
  double step_s = 0;              ///< A training step.
  double utilisation = 0.90;      ///< The share of its time that the accelerator is to be at work, at least.
  bool takes_processors = false;  ///< Whether it is done on the processors that the workers read on.
};

/// What was seen while steps were done.
struct Stepped {
  std::vector<Window> windows;
  Breakdown breakdown;  ///< Of these windows.
};

/// Whether a loader gives what is asked for.
struct Feeding {
  Demand demand;
  double batch_size = 0;     ///< Samples a step.
  double samples_per_s = 0;  ///< Of the loader while nothing else is done.
  double utilisation = 0;    ///< The share of the time in steps, the median of windows.
  double wait_share = 0;     ///< Of the time in these windows, in next() without a batch.
  /// How many such accelerators this host feeds, by its rate. None where the steps take its processors: what the loader
  /// gives alone says nothing of that.
  std::optional<int64_t> accelerators;
  bool is_enough = false;  ///< Whether the one of these windows is as busy as it is to be.
  Breakdown breakdown;     ///< Of these windows: what is slow while steps are done.
};

/// Sleeps as long as a step takes on an accelerator, which leaves the processors to the loader.
Consumer::Step simulated_step(double seconds);

/// Whether a loader that gave `alone` while nothing else was done gives what is asked for, by what was seen with steps.
Feeding feeding_of(const Demand& demand, Stepped stepped, const Measurement& alone);

/// The answer in words, a line a number.
std::string text_of(const Feeding& feeding);

/// "Fast enough: ...", in one sentence.
std::string sentence_of(const Feeding& feeding);

nlohmann::json json_of(const Feeding& feeding);

}  // namespace millrace::apps
