#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "millrace/loader/options.h"

namespace millrace {

/// Ordinary memory for the batches that a trainer keeps beyond DataLoaderOptions::held, up to kept_bytes. Used by the
/// loader's thread; its blocks are freed in any thread, and may outlive it.
class KeptMemory {
 public:
  /// A piece of the memory, aligned to 64 bytes, as ATen's own. The end of its owner gives the piece back.
  struct Block {
    std::byte* data;
    std::shared_ptr<void> owner;
  };

  /// The memory that the options allow. There is none where a batch may have CUDA tensors, which lie in device memory,
  /// nor where it is brought to a device, as its slot goes home at once.
  explicit KeptMemory(const DataLoaderOptions& options);

  /// Whether a batch is to be copied, while the slots of `lent` others are in the trainer's hands.
  bool is_beyond(size_t lent) const { return lent >= held_ && most_ > 0; }

  /// A block for each of a batch's tensors, of so many bytes: one that is kept alone costs no more than itself. nullopt
  /// when not all of them can be had.
  std::optional<std::vector<Block>> blocks(std::span<const size_t> sizes);

 private:
  Block block(size_t bytes);

  const size_t held_;
  const uint64_t most_;
  const std::shared_ptr<std::atomic<uint64_t>> used_;  // Bytes of the blocks that are alive.
};

}  // namespace millrace
