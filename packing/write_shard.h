#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/packing/resize.h"
#include "millrace/packing/sample_list.h"
#include "millrace/sharing/sync/array.h"

namespace millrace::packing {

/// What is done with samples that cannot be read: all are named, and nothing is written of a shard that should have
/// one; or they are left out.
enum class BrokenSamples : uint8_t { kRefuse, kLeaveOut };

/// A shard as a worker is asked for it.
struct ShardTask {
  std::string pattern;
  uint64_t number = 0;
  uint64_t sum = 0;   ///< PlannedShard::sum.
  uint64_t seat = 0;  ///< Where in the counts this shard is counted.
  BrokenSamples broken = BrokenSamples::kRefuse;
  std::optional<ResizeOptions> resize;
  std::vector<SourceSample> samples;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(pattern, number, sum, seat, broken, resize, samples);
  }
};

/// A sample that could not be read.
struct BrokenSample {
  std::string key;
  std::string why;  ///< With the path of the file.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(key, why);
  }
};

/// What became of a shard.
struct WrittenShard {
  bool is_written = false;
  uint64_t samples = 0;
  uint64_t bytes = 0;  ///< Of the shard's file.
  std::vector<BrokenSample> broken;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(is_written, samples, bytes, broken);
  }
};

/// How many samples each shard has by now, which workers write and the packer reads.
using ShardCounts = multiprocessing::RawArray<uint64_t>;

/// Readies a worker: the initializer of the pool.
void begin_counting(ShardCounts counts);

/// Writes a shard and its index, whole or not at all. What has to do with its samples is in the result. Throws
/// std::invalid_argument for a key or an extension that a shard cannot have, SyscallError and std::runtime_error when
/// the shard cannot be written (a full disk).
WrittenShard write_shard(const ShardTask& task);

}  // namespace millrace::packing
