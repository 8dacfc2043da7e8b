#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/node.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/sample_row.h"

namespace millrace::training {

/// A part of the data, for training or for testing, with its loader.
struct Split {
  std::vector<std::string> classes;  ///< Names, where the dataset has some.
  std::optional<int64_t> samples;    ///< Nothing for datasets of streams.
  SampleSpec spec;
  std::unique_ptr<DataLoader> loader;
};

/// What a run says about all its loaders.
struct LoadingOptions {
  c10::Device device = c10::kCPU;
  uint64_t seed = 0;                             ///< Of loaders that have none of their own.
  bool shuffle = false;                          ///< Where the file says nothing about the order.
  const configs::DatasetTypes* types = nullptr;  ///< What `dataset.type` may name.
};

/// The split that a map with dataset, transforms, sampler, collate and loader describes, with batches on the device.
/// Throws ConfigError.
Split open_split(const configs::Node& pipeline, const LoadingOptions& options);

/// The section `test` of a run, if there is one, whose samples have to look like those of `train`.
std::optional<Split> open_test_split(const configs::Node& run, const Split& train, LoadingOptions options);

}  // namespace millrace::training
