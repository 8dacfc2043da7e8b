#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/consumer.h"
#include "millrace/apps/millrace/bench/measurement.h"

namespace millrace::apps {

/// What an accelerator asks of a loader, in MLPerf Storage's terms.
struct Demand {
  std::string name;           ///< Of the published workload, or what was trained; empty: a step of some time.
  double step_s = 0;          ///< A training step.
  double utilisation = 0.90;  ///< The share of its time that the accelerator is to be at work, at least.
};

/// Whether a loader gives what is asked for.
struct Feeding {
  Demand demand;
  double batch_size = 0;     ///< Samples a step.
  double samples_per_s = 0;  ///< Of the loader while nothing else is done.
  double utilisation = 0;    ///< The share of the time in steps, the median of windows.
  double wait_share = 0;     ///< Of the time in these windows, in next() without a batch.
  int64_t accelerators = 0;  ///< How many such accelerators this host feeds, by its rate.
  bool is_enough = false;    ///< Whether the one of these windows is as busy as it is to be.
};

/// Sleeps as long as a step takes on an accelerator, which leaves the processors to the loader.
Consumer::Step simulated_step(double seconds);

/// Whether a loader that gave `alone` while nothing else was done gives what is asked for, by windows with steps.
Feeding feeding_of(const Demand& demand, const std::vector<Window>& stepped, const Measurement& alone);

/// The answer in words, a line a number.
std::string text_of(const Feeding& feeding);

/// "Fast enough: ...", in one sentence.
std::string sentence_of(const Feeding& feeding);

nlohmann::json json_of(const Feeding& feeding);

}  // namespace millrace::apps
