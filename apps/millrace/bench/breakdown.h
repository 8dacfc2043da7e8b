#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "millrace/apps/millrace/bench/bottleneck.h"
#include "millrace/apps/millrace/clock.h"
#include "millrace/loader/data_loader.h"

namespace millrace::apps {

/// What the time of a loader went to, and what is slow.
struct Breakdown {
  LoaderFacts facts;
  BottleneckVerdict verdict;
};

/// Watches a loader that was made with Profile::kTimes. Used by the thread that takes its batches.
class LoaderWatch {
 public:
  /// Begins now. Borrows the loader. `streams`: num_streams of a dataset without indices, 0 for any other.
  LoaderWatch(const DataLoader& loader, int64_t streams);

  /// What happened from then to now.
  Breakdown breakdown() const;

 private:
  const DataLoader& loader_;
  const int64_t streams_;
  const Clock::time_point start_ = Clock::now();
  const StageReport stages_;
  const double wait_s_;
  const double run_queue_s_;
};

/// A table of the stages, and the verdict below it. Empty where nothing was measured.
std::string text_of(const Breakdown& breakdown);

/// The same for programs, as docs/commands.md describes it.
nlohmann::json json_of(const Breakdown& breakdown);

}  // namespace millrace::apps
