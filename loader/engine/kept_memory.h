#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include "millrace/loader/options.h"

namespace millrace {

/// Ordinary memory for the batches that a trainer keeps beyond DataLoaderOptions::held, up to kept_bytes. Used by the
/// loader's thread; its blocks are freed in any thread, and may outlive it.
class KeptMemory {
 public:
  /// A piece of the memory, aligned to 64 bytes, as ATen's own. Its end gives the piece back.
  struct Block {
    std::byte* data;
    std::shared_ptr<void> owner;
  };

  /// The memory that the options allow. There is none where a batch may have CUDA tensors, which lie in device memory,
  /// nor where it is brought to a device, as its slot goes home at once.
  explicit KeptMemory(const DataLoaderOptions& options);

  /// Memory for one more batch, while `lent` batches are in the trainer's hands. nullopt where it may hold one more,
  /// and when the memory is used up.
  std::optional<Block> beyond(size_t lent, size_t bytes);

 private:
  const size_t held_;
  const uint64_t most_;
  const std::shared_ptr<std::atomic<uint64_t>> used_;
};

}  // namespace millrace
