#pragma once

#include <cstdint>
#include <functional>

#include "millrace/showing/pipelines.h"
#include "millrace/showing/statistics.h"

namespace millrace::showing {

/// How much of a dataset is read.
enum class Extent : uint8_t {
  kSome,  ///< 10,000 samples, evenly spread.
  kAll,
};

/// What is told while samples are read. `go_on` is asked between batches.
struct StatisticsWatchers {
  std::function<void(int64_t done, int64_t of)> progress;
  std::function<bool()> go_on;
};

/// Reads the samples of a source by its loader's workers, all bytes of each, and counts. Samples that cannot be read
/// are read once more, alone, to learn why. Ends early, with what is known by then, when go_on() is false. Throws
/// ConfigError and what DataLoader::next() throws, but for what is wrong with samples.
Statistics read_statistics(const RunData& source, Extent extent, const StatisticsWatchers& watchers);

}  // namespace millrace::showing
