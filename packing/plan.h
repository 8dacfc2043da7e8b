#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/packing/resize.h"
#include "millrace/packing/sample_list.h"

namespace millrace::packing {

/// A part of the samples that gets shards of its own.
struct Split {
  std::string name;     ///< What its shards are called: "train" for train-000000.tar.
  double fraction = 1;  ///< Its share of the samples.
};

/// Reads "train=0.9,test=0.1". Throws std::invalid_argument for names that a file cannot have or that come twice, and
/// for fractions that are not positive or do not add up to 1.
std::vector<Split> read_splits(std::string_view text);

/// The order in which samples come in the shards: mixed, so that each shard is a sample of all, or as in their source.
enum class PackOrder : uint8_t { kMixed, kOfSource };

struct PlanOptions {
  std::vector<Split> splits = {{"shard", 1}};
  PackOrder order = PackOrder::kMixed;
  uint64_t seed = 0;                   ///< Decides which samples a split has, and the mixed order.
  uint64_t shard_bytes = 500'000'000;  ///< The most bytes of a shard, as TarShardWriterOptions::max_shard_bytes.
  uint64_t shard_samples = 100'000;    ///< The most samples of a shard.

  /// How pictures are made smaller, if they are. Shards are cut by the bytes that they had before.
  std::optional<ResizeOptions> resize = {};
};

/// A shard that is to be written.
struct PlannedShard {
  std::string pattern;  ///< "shards/train-%06d.tar", for TarShardWriter.
  uint64_t number = 0;
  std::string path;             ///< What it will be called.
  size_t split = 0;             ///< Which of the splits it belongs to.
  std::vector<size_t> samples;  ///< Indices into the list, in their order in the shard.

  /// A number for all that decides what will be in the shard, with what its sources are like now: a shard whose index
  /// has it need not be written again.
  uint64_t sum = 0;
};

/// Which samples go into which shard, decided before anything is written: the same samples with the same options give
/// the same plan, and a shard's bytes follow from it alone.
struct Plan {
  std::string folder;
  std::optional<ResizeOptions> resize;
  std::vector<Split> splits;
  std::vector<PlannedShard> shards;
};

/// Makes the plan for shards in `folder`. Throws std::invalid_argument for options without a meaning, and for a split
/// that would get no sample.
Plan make_plan(const SampleList& samples, const std::string& folder, const PlanOptions& options);

}  // namespace millrace::packing
