#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/configs/node.h"
#include "millrace/loader/options.h"
#include "millrace/samplers/any_batch_sampler.h"
#include "millrace/samplers/sampler.h"

/// Samplers from configurations.
namespace millrace::configs {

/// What samplers ask about the samples that they put into an order.
struct SampleFacts {
  int64_t samples = 0;
  std::function<int64_t(int64_t)> label = {};              ///< A sample's label; null where there are no labels.
  std::function<std::vector<int64_t>()> shard_sizes = {};  ///< Samples in each shard; null where there are none.
};

/// The facts of a dataset, which has to live as long as they do.
template <class Dataset>
SampleFacts facts_of(const Dataset& dataset, int64_t samples) {
  SampleFacts facts{samples};
  if constexpr (requires {
                  { dataset.label(size_t{0}) } -> std::same_as<int64_t>;
                })
    facts.label = [&dataset](int64_t sample) { return dataset.label(static_cast<size_t>(sample)); };
  if constexpr (requires { dataset.shard_sizes(); })
    facts.shard_sizes = [&dataset] { return dataset.shard_sizes(); };
  else if constexpr (requires { dataset.shards().shard_sizes(); })
    facts.shard_sizes = [&dataset] { return dataset.shards().shard_sizes(); };
  return facts;
}

/// An order of samples or an order of whole batches: one of the two is set.
struct Order {
  std::optional<AnySampler> samples = {};
  std::optional<AnyBatchSampler> batches = {};
};

/// The sampler that a section names, one of tables::NamedSamplers. A seed that the section does not give is the
/// loader's. Throws ConfigError.
Order read_order(const Node& sampler, const SampleFacts& facts, const DataLoaderOptions& options);

/// How many samples an epoch of a loader gives by the section `sampler` beside it, or in the dataset's order, without
/// those that drop_last leaves out; nullopt where an epoch has no end. Throws ConfigError.
std::optional<int64_t> samples_an_epoch(const Node& loader, const SampleFacts& facts, const DataLoaderOptions& options);

/// The sampler that a section names, for `samples` samples of which nothing else is known; a sequential one without a
/// section. Throws ConfigError, also for a sampler of batches.
AnySampler read_sampler(const std::optional<Node>& sampler, int64_t samples, const DataLoaderOptions& options);

}  // namespace millrace::configs
