#pragma once

#include <c10/core/Device.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/node.h"
#include "millrace/loader/data_loader.h"
#include "millrace/training/data_facts.h"

namespace millrace::training {

/// A part of the data, for training or for testing, with its loader.
struct Split : DataFacts {
  std::optional<int64_t> samples;           ///< Nothing for datasets of streams.
  std::optional<int64_t> samples_an_epoch;  ///< By the sampler; of streams what they say; nothing without end.
  bool has_indices = false;                 ///< Whether each sample has a number; those of streams have none.
  std::unique_ptr<DataLoader> loader;

  /// What the dataset calls a sample, its path in most cases. Null where it calls them nothing.
  std::function<std::string(int64_t index)> describe;

  /// The file of a sample's picture, of a pair that of the first one. Otherwise as describe().
  std::function<std::string(int64_t index)> picture_file;

  /// The class of a sample, where the dataset knows that without reading it. Null where it does not.
  std::function<int64_t(int64_t index)> label;
};

/// What a run says about all its loaders.
struct LoadingOptions {
  c10::Device device = c10::kCPU;
  uint64_t seed = 0;                             ///< Of loaders that have none of their own.
  bool shuffle = false;                          ///< Where the file says nothing about the order.
  const configs::DatasetTypes* types = nullptr;  ///< What `dataset.type` may name.
  Profile profile = Profile::kOff;               ///< What is measured of workers.
  std::optional<int64_t> num_workers = {};       ///< In place of what the file says.
};

/// "sample 7 ('a.png')": what messages call the sample at a place of a batch that has these indices; "a sample" of a
/// stream, whose samples have no numbers.
std::string sample_text(const std::vector<int64_t>& indices, size_t place, const Split& split);

/// Throws ConfigError for a dataset of a pipeline that has no samples.
void require_samples(const configs::Node& pipeline, const std::optional<int64_t>& samples);

/// The split that a map with dataset, transforms, sampler, collate and loader describes, with batches on the device.
/// Throws ConfigError.
Split open_split(const configs::Node& pipeline, const LoadingOptions& options);

/// The section `test` of a run, if there is one, whose samples have to look like those of `train`.
std::optional<Split> open_test_split(const configs::Node& run, const Split& train, LoadingOptions options);

}  // namespace millrace::training
