#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "millrace/packing/plan.h"
#include "millrace/packing/sources.h"
#include "millrace/packing/write_shard.h"

namespace millrace::packing {

/// What is done with a shard that is there already and is of another plan: other samples, other options, or a source
/// that has changed since.
enum class OtherShards : uint8_t { kRefuse, kReplace };

struct PackOptions {
  int workers = 0;  ///< Processes that write a shard each; 0: as many as this process may use processors.
  BrokenSamples broken = BrokenSamples::kRefuse;
  OtherShards others = OtherShards::kRefuse;
};

/// What was packed of one split.
struct PackedSplit {
  std::string name;
  uint64_t shards = 0;
  uint64_t samples = 0;
  uint64_t bytes = 0;  ///< Of the shards' files.
};

struct PackReport {
  std::vector<PackedSplit> splits;
  std::vector<BrokenSample> broken;  ///< Those that could not be read, in the order of the shards.
  uint64_t shards_found = 0;         ///< Of the shards those that were there already.
  uint64_t samples_written = 0;      ///< By this call.
  uint64_t bytes_written = 0;
  double seconds = 0;
  bool is_stopped = false;  ///< go_on() said so: the same call again goes on.

  uint64_t shards() const;
  uint64_t samples() const;
  uint64_t bytes() const;
};

/// Told from time to time, on the thread that called pack(), how many samples are packed; returns false to stop. What
/// was begun of shards is dropped then.
using GoOn = std::function<bool(uint64_t samples)>;

/// Writes the shards of a plan, and an index beside each, by worker processes. A shard is there when it is whole, so
/// whatever ends the packer, a power failure too, the same call goes on: shards that are of this plan are kept as they
/// are. The bytes of a shard depend on nothing but the plan. When a worker dies, its shard is written again by another.
///
/// Samples that cannot be read are in the report; unless they are to be left out, no shard is written that should have
/// one. Throws std::runtime_error, before anything is written, where a source lies in the shards' folder or that folder
/// in the source's; for a folder that another packer has or that has other shards in it, for a shard of which no sample
/// can be read, and for one over which three workers died; SyscallError (a full disk).
PackReport pack(const Source& source, const Plan& plan, const PackOptions& options, const GoOn& go_on);

}  // namespace millrace::packing
