// Each key of each sampler changes the order, and each key of each collate function a batch: none is read and
// forgotten.
#include <ATen/core/Tensor.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/samplers.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/loader/columns.h"

namespace millrace::configs::every_sampler_key_test {
namespace {

constexpr int64_t kSamples = 6;

// Two sections between which one key differs.
struct Pair {
  std::string one, other;
};

std::map<std::string, Pair> sampler_pairs() {
  const std::string weighted = "weights: [1, 2, 3, 1, 0.5, 1]", balanced = "labels: [0, 0, 0, 0, 1, 1]";
  const std::string shards = "shard_sizes: [2, 3, 1]", buffer = "buffer_size: 3";
  const std::string ranks = "num_replicas: 4", odd = "rank: 2, num_replicas: 4";
  const std::string buckets = "lengths: [1, 9, 2, 8, 3, 7]",
                    short_ones = "lengths: [1, 9, 2, 8, 3, 2], boundaries: [5]";
  const std::string random = ", sampler: {type: random, seed: 4}";
  return {
      {"random.replacement", {"", "replacement: true"}},
      {"random.num_samples", {"", "num_samples: 9"}},
      {"random.seed", {"", "seed: 3"}},
      {"subset_random.indices", {"indices: [1, 3, 5]", "indices: [1, 3]"}},
      {"subset_random.seed", {"indices: [1, 3, 5, 0, 2, 4]", "indices: [1, 3, 5, 0, 2, 4], seed: 3"}},
      {"weighted_random.weights", {weighted, "weights: [0, 0, 0, 0, 0, 1]"}},
      {"weighted_random.num_samples", {weighted, weighted + ", num_samples: 4"}},
      {"weighted_random.replacement", {weighted, weighted + ", replacement: false"}},
      {"weighted_random.seed", {weighted, weighted + ", seed: 3"}},
      {"keyed_permutation.seed", {"", "seed: 3"}},
      {"class_balanced.labels", {balanced, "labels: [0, 1, 0, 1, 0, 1]"}},
      {"class_balanced.num_samples", {balanced, balanced + ", num_samples: 8"}},
      {"class_balanced.seed", {balanced, balanced + ", seed: 3"}},
      {"shard_shuffle.shard_sizes", {shards + ", open_shards: 1", "shard_sizes: [4, 2], open_shards: 1"}},
      {"shard_shuffle.open_shards", {shards, shards + ", open_shards: 1"}},
      {"shard_shuffle.seed", {shards, shards + ", seed: 3"}},
      {"shuffle_buffer.buffer_size", {buffer, "buffer_size: 5"}},
      {"shuffle_buffer.seed", {buffer, buffer + ", seed: 3"}},
      {"shuffle_buffer.sampler", {buffer, buffer + random}},
      {"repeat.times", {"times: 2", "times: 3"}},
      {"repeat.sampler", {"times: 2", "times: 2" + random}},
      {"infinite.sampler", {"", "sampler: {type: random, seed: 4}"}},
      {"distributed.rank", {ranks, ranks + ", rank: 1"}},
      {"distributed.num_replicas", {ranks, "num_replicas: 2"}},
      {"distributed.remainder", {odd, odd + ", remainder: drop"}},
      {"distributed.sampler", {ranks, ranks + random}},
      {"distributed_sampler.rank", {ranks, ranks + ", rank: 1"}},
      {"distributed_sampler.num_replicas", {ranks, "num_replicas: 2"}},
      {"distributed_sampler.shuffle", {ranks, ranks + ", shuffle: false"}},
      {"distributed_sampler.seed", {"", "seed: 3"}},
      {"distributed_sampler.drop_last", {ranks, ranks + ", drop_last: true"}},
      {"bucket_batch.lengths", {short_ones, "lengths: [9, 1, 8, 2, 2, 3], boundaries: [5]"}},
      {"bucket_batch.max_padded", {buckets, buckets + ", max_padded: 9"}},
      {"bucket_batch.boundaries", {buckets + ", shuffle: false", buckets + ", shuffle: false, boundaries: [5]"}},
      {"bucket_batch.shuffle", {buckets, buckets + ", shuffle: false"}},
      {"bucket_batch.seed", {buckets, buckets + ", seed: 3"}},
      {"bucket_batch.drop_last", {buckets + ", boundaries: [5]", buckets + ", boundaries: [5], drop_last: true"}},
      {"sequence.indices", {"indices: [3, 1, 3]", "indices: [3, 1]"}},
      {"batch_sequence.batches", {"batches: [[3, 1], [2]]", "batches: [[3], [1, 2]]"}},
  };
}

std::set<std::string> keys_of_section(const std::string& name) {
  std::set<std::string> keys;
  for (const auto& section : tables::describe_sections())
    if (section.name == name)
      for (const auto& entry : section.entries)
        for (const auto& key : entry.keys) keys.insert(entry.name + "." + key.name);
  return keys;
}

// The order of the samples, -1 behind each batch of a sampler that gives batches.
std::vector<int64_t> order_of(const std::string& type, const std::string& keys) {
  const Node run(parse("sampler: {type: " + type + (keys.empty() ? "" : ", " + keys) + "}", "run.yaml"));
  Order order = read_order(run["sampler"], {kSamples}, DataLoaderOptions(2).seed(5));
  std::vector<int64_t> indices;
  constexpr size_t kMost = 50;  // Of one that never ends.
  if (order.samples)
    while (const auto index = order.samples->next()) {
      indices.push_back(*index);
      if (indices.size() == kMost) break;
    }
  if (order.batches)
    for (std::vector<int64_t> batch; order.batches->next(batch); indices.push_back(-1))
      indices.insert(indices.end(), batch.begin(), batch.end());
  return indices;
}

TEST(EverySamplerKey, ChangesTheOrder) {
  std::set<std::string> tried;
  for (const auto& [key, pair] : sampler_pairs()) {
    tried.insert(key);
    const std::string type = key.substr(0, key.find('.'));
    EXPECT_EQ(order_of(type, pair.one), order_of(type, pair.one)) << "the same order differs: " << key;
    EXPECT_NE(order_of(type, pair.one), order_of(type, pair.other)) << key << " changes nothing";
  }
  EXPECT_EQ(tried, keys_of_section("sampler"));
}

// Sample i has i + 1 ones.
struct Ones {
  size_t size() const { return 3; }
  at::Tensor get(size_t i) const { return at::ones({static_cast<int64_t>(i) + 1}); }
  template <class Archive>
  void serialize(Archive&) {}
};

at::Tensor batch_of(const std::string& collate) {
  DatasetTypes types;
  types.add("ones", [](const Node&, const std::optional<Node>&) { return Ones(); });
  const std::string yaml = "{dataset: {type: ones}, collate: {" + collate + "}, loader: {batch_size: 3}}";
  return build_loader(Node(parse(yaml, "run.yaml"))["loader"], types)->next()->data().clone();
}

TEST(EveryCollateKey, ChangesABatch) {
  const std::map<std::string, Pair> pairs = {{"pad.value", {"type: pad", "type: pad, value: -1"}}};
  std::set<std::string> tried;
  for (const auto& [key, pair] : pairs) {
    tried.insert(key);
    EXPECT_TRUE(batch_of(pair.one).equal(batch_of(pair.one))) << "the same batch differs: " << key;
    EXPECT_FALSE(batch_of(pair.one).equal(batch_of(pair.other))) << key << " changes nothing";
  }
  EXPECT_EQ(tried, keys_of_section("collate"));
}

}  // namespace
}  // namespace millrace::configs::every_sampler_key_test
