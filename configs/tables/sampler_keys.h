#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/tables/key.h"

/// The section `sampler`. The number of samples comes from the dataset, and a seed that is left out from the loader.
namespace millrace::configs::tables {

/// The key `seed`, which most samplers have.
template <class Owner>
constexpr auto seed_key(std::optional<uint64_t> Owner::* member) {
  return key("seed", member, "Seeds the order.").otherwise("the loader's");
}

template <class Owner>
constexpr auto inner_key(InnerSampler Owner::* member) {
  return key("sampler", member, "The sampler inside.");
}

struct Sequential {
  static constexpr std::string_view kName = "sequential";
  static constexpr std::string_view kMakes = "SequentialSampler";
  static constexpr std::string_view kAbout = "The dataset's own order.";
  static constexpr auto keys() { return list(); }
};

struct Random {
  bool replacement = false;
  std::optional<int64_t> num_samples;
  std::optional<uint64_t> seed;

  static constexpr std::string_view kName = "random";
  static constexpr std::string_view kMakes = "RandomSampler";
  static constexpr std::string_view kAbout = "A new random order every epoch, index for index PyTorch's.";
  static constexpr auto keys() {
    return list(key("replacement", &Random::replacement, "Draw with replacement instead of permuting."),
                key("num_samples", &Random::num_samples, "Samples an epoch.").otherwise("all"),
                seed_key(&Random::seed));
  }
};

struct SubsetRandom {
  std::vector<int64_t> indices;
  std::optional<uint64_t> seed;

  static constexpr std::string_view kName = "subset_random";
  static constexpr std::string_view kMakes = "SubsetRandomSampler";
  static constexpr std::string_view kAbout = "Some samples in a random order, index for index PyTorch's.";
  static constexpr auto keys() {
    return list(key("indices", &SubsetRandom::indices, "Which samples, from 0.").required(),
                seed_key(&SubsetRandom::seed));
  }
};

struct WeightedRandom {
  std::vector<double> weights;
  std::optional<int64_t> num_samples;
  bool replacement = true;
  std::optional<uint64_t> seed;

  static constexpr std::string_view kName = "weighted_random";
  static constexpr std::string_view kMakes = "WeightedRandomSampler";
  static constexpr std::string_view kAbout = "Samples drawn in proportion to weights, index for index PyTorch's.";
  static constexpr auto keys() {
    return list(key("weights", &WeightedRandom::weights, "One for each sample; they need not sum to one.").required(),
                key("num_samples", &WeightedRandom::num_samples, "Samples an epoch.").otherwise("as many as weights"),
                key("replacement", &WeightedRandom::replacement, "Whether a sample may come again in an epoch."),
                seed_key(&WeightedRandom::seed));
  }
};

struct Sequence {
  std::vector<int64_t> indices;

  static constexpr std::string_view kName = "sequence";
  static constexpr std::string_view kMakes = "SequenceSampler";
  static constexpr std::string_view kAbout = "The samples that a list names, in its order.";
  static constexpr auto keys() {
    return list(key("indices", &Sequence::indices, "Which samples, from 0; one may come again.").required());
  }
};

struct BatchSequence {
  std::vector<std::vector<int64_t>> batches;

  static constexpr std::string_view kName = "batch_sequence";
  static constexpr std::string_view kMakes = "BatchSequenceSampler";
  static constexpr std::string_view kAbout = "The batches that a list names, of loader.batch_size at most.";
  static constexpr auto keys() {
    return list(key("batches", &BatchSequence::batches, "The samples of each, from 0.").required());
  }
};

struct KeyedPermutation {
  std::optional<uint64_t> seed;

  static constexpr std::string_view kName = "keyed_permutation";
  static constexpr std::string_view kMakes = "KeyedPermutationSampler";
  static constexpr std::string_view kAbout =
      "A new shuffled order every epoch, in no memory that grows with the dataset.";
  static constexpr auto keys() { return list(seed_key(&KeyedPermutation::seed)); }
};

struct ClassBalanced {
  std::optional<std::vector<int64_t>> labels;
  std::optional<int64_t> num_samples;
  std::optional<uint64_t> seed;

  static constexpr std::string_view kName = "class_balanced";
  static constexpr std::string_view kMakes = "ClassBalancedSampler";
  static constexpr std::string_view kAbout = "Every class equally often, however many samples it has.";
  static constexpr auto keys() {
    return list(key("labels", &ClassBalanced::labels, "The class of each sample.").otherwise("the dataset's"),
                key("num_samples", &ClassBalanced::num_samples, "Samples an epoch.").otherwise("all"),
                seed_key(&ClassBalanced::seed));
  }
};

struct ShardShuffle {
  std::optional<std::vector<int64_t>> shard_sizes;
  int64_t open_shards = 4;
  std::optional<uint64_t> seed;

  static constexpr std::string_view kName = "shard_shuffle";
  static constexpr std::string_view kMakes = "ShardShuffleSampler";
  static constexpr std::string_view kAbout = "A shuffle that visits few shards at a time, for tar shards.";
  static constexpr auto keys() {
    return list(key("shard_sizes", &ShardShuffle::shard_sizes, "The samples of each shard.").otherwise("the dataset's"),
                key("open_shards", &ShardShuffle::open_shards, "Shards that are mixed with each other."),
                seed_key(&ShardShuffle::seed));
  }
};

struct ShuffleBuffer {
  int64_t buffer_size = 0;
  std::optional<uint64_t> seed;
  InnerSampler sampler;

  static constexpr std::string_view kName = "shuffle_buffer";
  static constexpr std::string_view kMakes = "ShuffleBufferSampler";
  static constexpr std::string_view kAbout = "Another sampler's order, shuffled a little.";
  static constexpr auto keys() {
    return list(key("buffer_size", &ShuffleBuffer::buffer_size, "Samples among which the next is drawn.").required(),
                seed_key(&ShuffleBuffer::seed), inner_key(&ShuffleBuffer::sampler));
  }
};

struct Repeat {
  int64_t times = 0;
  InnerSampler sampler;

  static constexpr std::string_view kName = "repeat";
  static constexpr std::string_view kMakes = "RepeatSampler";
  static constexpr std::string_view kAbout = "Several epochs of another sampler as one.";
  static constexpr auto keys() {
    return list(key("times", &Repeat::times, "How many.").required(), inner_key(&Repeat::sampler));
  }
};

struct Infinite {
  InnerSampler sampler;

  static constexpr std::string_view kName = "infinite";
  static constexpr std::string_view kMakes = "InfiniteSampler";
  static constexpr std::string_view kAbout = "The epochs of another sampler on end; it never ends.";
  static constexpr auto keys() { return list(inner_key(&Infinite::sampler)); }
};

struct Distributed {
  int64_t rank = 0;
  int64_t num_replicas = 1;
  std::string remainder = "pad";
  InnerSampler sampler;

  static constexpr std::string_view kName = "distributed";
  static constexpr std::string_view kMakes = "Distributed";
  static constexpr std::string_view kAbout = "One rank's share of another sampler's order, or of its batches.";
  static constexpr auto keys() {
    return list(key("rank", &Distributed::rank, "This process's number, from 0."),
                key("num_replicas", &Distributed::num_replicas, "Processes that share the epoch."),
                key("remainder", &Distributed::remainder, "What becomes of the last samples where ranks do not divide.")
                    .one_of("pad, drop, keep"),
                inner_key(&Distributed::sampler));
  }
};

struct DistributedRandom {
  int64_t rank = 0;
  int64_t num_replicas = 1;
  bool shuffle = true;
  std::optional<uint64_t> seed;
  bool drop_last = false;

  static constexpr std::string_view kName = "distributed_sampler";
  static constexpr std::string_view kMakes = "DistributedSampler";
  static constexpr std::string_view kAbout = "One rank's share of an epoch, index for index PyTorch's.";
  static constexpr auto keys() {
    return list(key("rank", &DistributedRandom::rank, "This process's number, from 0."),
                key("num_replicas", &DistributedRandom::num_replicas, "Processes that share the epoch."),
                key("shuffle", &DistributedRandom::shuffle, "A random order, or the dataset's."),
                seed_key(&DistributedRandom::seed),
                key("drop_last", &DistributedRandom::drop_last,
                    "Leave out the last samples, rather than give some twice, where ranks do not divide."));
  }
};

struct BucketBatch {
  std::vector<int64_t> lengths;
  std::optional<int64_t> max_padded;
  std::vector<int64_t> boundaries;
  bool shuffle = true;
  std::optional<uint64_t> seed;
  bool drop_last = false;

  static constexpr std::string_view kName = "bucket_batch";
  static constexpr std::string_view kMakes = "BucketBatchSampler";
  static constexpr std::string_view kAbout =
      "Batches of samples of similar length, of loader.batch_size at most, so that little of a batch is padding.";
  static constexpr auto keys() {
    return list(
        key("lengths", &BucketBatch::lengths, "The length of each sample, in any unit.").required(),
        key("max_padded", &BucketBatch::max_padded, "Elements of a padded batch, at most.").otherwise("no bound"),
        key("boundaries", &BucketBatch::boundaries, "Lengths at which the next bucket begins."),
        key("shuffle", &BucketBatch::shuffle, "Samples within their bucket, and batches."),
        seed_key(&BucketBatch::seed),
        key("drop_last", &BucketBatch::drop_last, "Leave out the last batch of a bucket where it is short."));
  }
};

/// The table of samplers that have a name in YAML, in the order of the reference. BatchSampler is what the loader's
/// batch_size and drop_last make; a TorchSampler holds an object of the program.
using NamedSamplers =
    TypeList<Sequential, Random, SubsetRandom, WeightedRandom, KeyedPermutation, ClassBalanced, ShardShuffle,
             ShuffleBuffer, Repeat, Infinite, Distributed, DistributedRandom, BucketBatch, Sequence, BatchSequence>;

}  // namespace millrace::configs::tables
