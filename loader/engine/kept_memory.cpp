#include "millrace/loader/engine/kept_memory.h"

#include <algorithm>
#include <cstdlib>

#include "millrace/sharing/os/round_up.h"

namespace millrace {
namespace {

constexpr size_t kAlignment = 64;

// What a tensor of so many bytes takes; one without elements has an address, too.
size_t room_for(size_t bytes) { return round_up(std::max(bytes, kAlignment), kAlignment); }

uint64_t most_of(const DataLoaderOptions& options) {
  return options.device().is_cpu() && options.device_batch_bytes() == 0 ? options.kept_bytes() : 0;
}

}  // namespace

KeptMemory::KeptMemory(const DataLoaderOptions& options)
    : held_(static_cast<size_t>(options.held())),
      most_(most_of(options)),
      used_(std::make_shared<std::atomic<uint64_t>>(0)) {}

std::optional<std::vector<KeptMemory::Block>> KeptMemory::blocks(std::span<const size_t> sizes) {
  uint64_t wanted = 0;
  for (const size_t bytes : sizes) wanted += room_for(bytes);
  if (used_->load() + wanted > most_) return std::nullopt;
  std::vector<Block> blocks;
  for (const size_t bytes : sizes) {
    blocks.push_back(block(room_for(bytes)));
    if (blocks.back().data == nullptr) return std::nullopt;
  }
  return blocks;
}

KeptMemory::Block KeptMemory::block(size_t bytes) {
  auto* const data = static_cast<std::byte*>(std::aligned_alloc(kAlignment, bytes));
  if (data == nullptr) return {nullptr, nullptr};
  used_->fetch_add(bytes);
  return {data, std::shared_ptr<void>(data, [used = used_, bytes](void* memory) {
            std::free(memory);
            used->fetch_sub(bytes);
          })};
}

}  // namespace millrace
