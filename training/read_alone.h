#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "millrace/configs/node.h"
#include "millrace/loader/batch.h"
#include "millrace/training/data.h"

namespace millrace::training {

/// What becomes of each sample that is read alone.
struct AloneRead {
  std::function<void(const Batch& batch)> take;                        ///< A batch of that one sample.
  std::function<void(int64_t sample, const std::string& error)> fail;  ///< Why it could not be read.
  std::function<bool()> go_on = nullptr;                               ///< Asked before each; null: always.
};

/// Reads samples of a pipeline one by one, each in a batch of its own, so that each tells its own error and loses no
/// other. REQUIRES: a dataset with indices. Throws as open_split() and DataLoader::next(), but for what is wrong with a
/// sample.
void read_alone(const configs::Node& pipeline, const LoadingOptions& loading, const std::vector<int64_t>& samples,
                const AloneRead& read);

/// How many indices a configuration can list.
constexpr size_t kMostListed = 10'000;

/// The override that has a pipeline read these samples in their order. REQUIRES: kMostListed of them at most.
std::string in_order_of(std::span<const int64_t> samples);

}  // namespace millrace::training
