#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "millrace/loader/options.h"

namespace millrace {

/// Ordinary memory for the batches that a trainer keeps beyond DataLoaderOptions::held, up to kept_bytes. Used by the
/// loader's thread; what it gave is freed in any, and may outlive it.
class KeptMemory {
 public:
  /// Aligned to 64 bytes, as ATen's own. Its end gives the memory back.
  struct Block {
    std::byte* data;
    std::shared_ptr<void> owner;
  };

  /// Without any where a batch may have CUDA tensors, which lie in device memory, or is brought to a device, so that
  /// its slot goes home at once.
  explicit KeptMemory(const DataLoaderOptions& options);

  /// Memory for one more batch, of which `lent` are in the trainer's hands. nullopt while those are no more than it may
  /// hold, and when the memory is used up.
  std::optional<Block> beyond(size_t lent, size_t bytes);

 private:
  const size_t held_;
  const uint64_t most_;
  const std::shared_ptr<std::atomic<uint64_t>> used_;
};

}  // namespace millrace
