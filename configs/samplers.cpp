#include "millrace/configs/samplers.h"

#include <exception>
#include <iterator>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/sampler_keys.h"
#include "millrace/samplers/batch_sequence_sampler.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/class_balanced_sampler.h"
#include "millrace/samplers/distributed.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/repeat_sampler.h"
#include "millrace/samplers/sequence_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/samplers/shard_shuffle_sampler.h"
#include "millrace/samplers/shuffle_buffer_sampler.h"
#include "millrace/samplers/subset_random_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"
#include "millrace/sharing/os/counted.h"

namespace millrace::configs {
namespace {

// Makes samplers from filled structs: an overload for each type of tables::NamedSamplers.
class SamplerMaker {
 public:
  SamplerMaker(const Node& node, const SampleFacts& facts, const DataLoaderOptions& options)
      : node_(node), facts_(facts), options_(options) {}

  Order operator()(const tables::Sequential&) const { return of_samples(SequentialSampler(facts_.samples)); }

  Order operator()(const tables::Random& keys) const {
    RandomSamplerOptions random;
    random.replacement = keys.replacement;
    random.num_samples = keys.num_samples;
    random.seed = seed(keys.seed);
    return of_samples(RandomSampler(facts_.samples, random));
  }

  Order operator()(const tables::SubsetRandom& keys) const {
    require_samples(keys.indices, node_["indices"]);
    return of_samples(SubsetRandomSampler(keys.indices, seed(keys.seed)));
  }

  Order operator()(const tables::WeightedRandom& keys) const {
    require_one_a_sample("weights", keys.weights.size());
    return of_samples(WeightedRandomSampler(keys.weights, keys.num_samples.value_or(std::ssize(keys.weights)),
                                            keys.replacement, seed(keys.seed)));
  }

  Order operator()(const tables::KeyedPermutation& keys) const {
    return of_samples(KeyedPermutationSampler(facts_.samples, seed(keys.seed)));
  }

  Order operator()(const tables::ClassBalanced& keys) const {
    if (keys.labels) require_one_a_sample("labels", keys.labels->size());
    ClassBalancedSamplerOptions balanced;
    balanced.num_samples = keys.num_samples;
    balanced.seed = seed(keys.seed);
    return of_samples(ClassBalancedSampler(keys.labels ? *keys.labels : labels(), balanced));
  }

  Order operator()(const tables::ShardShuffle& keys) const {
    auto sizes = keys.shard_sizes ? *keys.shard_sizes : shard_sizes();
    const int64_t samples = std::accumulate(sizes.begin(), sizes.end(), int64_t{0});
    if (samples != facts_.samples)
      throw node_["shard_sizes"].error("the shards have " + counted(samples, "sample") + ", the dataset " +
                                       std::to_string(facts_.samples));
    ShardShuffleSamplerOptions shards;
    shards.open_shards = keys.open_shards;
    shards.seed = seed(keys.seed);
    return of_samples(ShardShuffleSampler(std::move(sizes), shards));
  }

  Order operator()(const tables::ShuffleBuffer& keys) const {
    return of_samples(ShuffleBufferSampler(inner_sampler(), keys.buffer_size, seed(keys.seed)));
  }

  Order operator()(const tables::Repeat& keys) const { return of_samples(RepeatSampler(inner_sampler(), keys.times)); }

  Order operator()(const tables::Infinite&) const { return of_samples(InfiniteSampler(inner_sampler())); }

  Order operator()(const tables::Distributed& keys) const {
    DistributedOptions ranks;
    ranks.rank = keys.rank;
    ranks.num_replicas = keys.num_replicas;
    ranks.remainder = meaning_of<Remainder>(
        keys.remainder, {{"pad", Remainder::kPad}, {"drop", Remainder::kDrop}, {"keep", Remainder::kKeep}});
    Order inner = inner_order();
    if (inner.batches) return of_batches(Distributed(*std::move(inner.batches), ranks));
    return of_samples(Distributed(*std::move(inner.samples), ranks));
  }

  Order operator()(const tables::DistributedRandom& keys) const {
    DistributedSamplerOptions ranks;
    ranks.rank = keys.rank;
    ranks.num_replicas = keys.num_replicas;
    ranks.shuffle = keys.shuffle;
    ranks.seed = seed(keys.seed);
    ranks.drop_last = keys.drop_last;
    return of_samples(DistributedSampler(facts_.samples, ranks));
  }

  Order operator()(const tables::Sequence& keys) const {
    require_samples(keys.indices, node_["indices"]);
    return of_samples(SequenceSampler(keys.indices));
  }

  Order operator()(const tables::BatchSequence& keys) const {
    const auto nodes = node_["batches"].elements();
    for (size_t batch = 0; batch < keys.batches.size(); ++batch) {
      require_samples(keys.batches[batch], nodes[batch]);
      if (std::ssize(keys.batches[batch]) > options_.batch_size())
        throw nodes[batch].error("has " + counted(keys.batches[batch].size(), "sample") + ", loader.batch_size is " +
                                 std::to_string(options_.batch_size()) + ": raise that, or make the batch smaller");
    }
    return of_batches(BatchSequenceSampler(keys.batches));
  }

  Order operator()(const tables::BucketBatch& keys) const {
    require_one_a_sample("lengths", keys.lengths.size());
    BucketBatchSamplerOptions buckets;
    buckets.batch_size = options_.batch_size();
    buckets.max_padded = keys.max_padded;
    buckets.boundaries = keys.boundaries;
    buckets.shuffle = keys.shuffle;
    buckets.seed = seed(keys.seed);
    buckets.drop_last = keys.drop_last;
    return of_batches(BucketBatchSampler(keys.lengths, buckets));
  }

 private:
  static Order of_samples(AnySampler sampler) { return {.samples = std::move(sampler)}; }
  static Order of_batches(AnyBatchSampler sampler) { return {.batches = std::move(sampler)}; }

  uint64_t seed(const std::optional<uint64_t>& given) const { return given.value_or(options_.seed()); }

  void require_samples(const std::vector<int64_t>& indices, const Node& place) const {
    for (const int64_t index : indices)
      if (index < 0 || index >= facts_.samples)
        throw place.error("there is no sample " + std::to_string(index) + ": the dataset has " +
                          std::to_string(facts_.samples));
  }

  void require_one_a_sample(std::string_view key, size_t values) const {
    if (static_cast<int64_t>(values) != facts_.samples)
      throw node_[key].error("expected " + counted(facts_.samples, "value") + ", one for each sample, found " +
                             std::to_string(values));
  }

  std::vector<int64_t> labels() const {
    if (!facts_.label) throw node_.error("this type of dataset does not tell its labels; give the key labels");
    std::vector<int64_t> labels;
    labels.reserve(static_cast<size_t>(facts_.samples));
    for (int64_t sample = 0; sample < facts_.samples; ++sample) labels.push_back(facts_.label(sample));
    return labels;
  }

  std::vector<int64_t> shard_sizes() const {
    if (!facts_.shard_sizes) throw node_.error("this type of dataset has no shards; give the key shard_sizes");
    return facts_.shard_sizes();
  }

  Order inner_order() const {
    const auto inner = node_.value().kind == Value::Kind::kMap ? node_.find("sampler") : std::nullopt;
    return inner ? read_order(*inner, facts_, options_) : (*this)(tables::Sequential());
  }

  AnySampler inner_sampler() const {
    Order inner = inner_order();
    if (inner.samples) return *std::move(inner.samples);
    throw node_["sampler"].error("gives whole batches; expected a sampler that gives samples");
  }

  const Node& node_;
  const SampleFacts& facts_;
  const DataLoaderOptions& options_;
};

}  // namespace

Order read_order(const Node& sampler, const SampleFacts& facts, const DataLoaderOptions& options) {
  return build_at<std::exception>(
      sampler, [&] { return read_type(sampler, tables::NamedSamplers(), SamplerMaker(sampler, facts, options)); });
}

// As many samples as this are those of an InfiniteSampler, or a rank's share of them.
constexpr int64_t kEndless = int64_t{1} << 48;

std::optional<int64_t> samples_an_epoch(const Node& loader, const SampleFacts& facts,
                                        const DataLoaderOptions& options) {
  const auto sampler = loader.parent().find("sampler");
  Order order = sampler ? read_order(*sampler, facts, options) : Order{.samples = SequentialSampler(facts.samples)};
  if (order.samples) {
    const int64_t samples = order.samples->size();
    if (samples >= kEndless) return std::nullopt;
    return options.drop_last() ? samples - samples % options.batch_size() : samples;
  }
  int64_t samples = 0;
  for (std::vector<int64_t> batch; order.batches->next(batch);) samples += std::ssize(batch);
  return samples;
}

AnySampler read_sampler(const std::optional<Node>& sampler, int64_t samples, const DataLoaderOptions& options) {
  if (!sampler) return SequentialSampler(samples);
  Order order = read_order(*sampler, {samples}, options);
  if (order.samples) return *std::move(order.samples);
  throw sampler->error("gives whole batches; expected a sampler that gives samples");
}

}  // namespace millrace::configs
