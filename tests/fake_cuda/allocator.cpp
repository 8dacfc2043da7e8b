#include "millrace/tests/fake_cuda/allocator.h"

#include <c10/core/impl/DeviceGuardImplInterface.h>

#include <algorithm>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/fence.h"
#include "millrace/sharing/cuda/stream.h"

namespace fake_torch {
namespace {

using namespace millrace::cuda;
using api::DevicePtr;

constexpr size_t kAlignment = 512;
constexpr size_t kBlockBytes = 2 << 20;

size_t rounded_up(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

struct Block {
  DevicePtr address;
  size_t bytes;
};

// What is allocated for one stream of one device comes back to it.
using Owner = std::pair<int, api::Stream>;

struct Piece {
  size_t bytes;
  const Block* block;
};

struct Slice {
  Owner owner;
  DevicePtr address;
  Piece piece;
  std::vector<api::Stream> recorded;
};

struct Pools {
  std::mutex mutex;
  std::list<Block> blocks;
  std::map<Owner, std::map<DevicePtr, Piece>> free;
  std::list<std::pair<Slice, Fence>> pending;  // Freed, and perhaps still used by streams.
  size_t in_use = 0;
};
Pools& pools() {
  static auto* const all = new Pools;  // Outlives tensors in static variables.
  return *all;
}

// Everything below is called under the lock.

void give_back(const Slice& slice) {
  auto& free = pools().free[slice.owner];
  auto at = free.emplace(slice.address, slice.piece).first;
  if (const auto next = std::next(at);
      next != free.end() && next->second.block == at->second.block && at->first + at->second.bytes == next->first) {
    at->second.bytes += next->second.bytes;
    free.erase(next);
  }
  if (at == free.begin()) return;
  const auto before = std::prev(at);
  if (before->second.block != at->second.block || before->first + before->second.bytes != at->first) return;
  before->second.bytes += at->second.bytes;
  free.erase(at);
}

void take_what_has_passed() {
  auto& pending = pools().pending;
  for (auto at = pending.begin(); at != pending.end();) {
    const auto next = std::next(at);
    if (at->second.passed()) {
      give_back(at->first);
      pending.erase(at);
    }
    at = next;
  }
}

void add_block(const Owner& owner, size_t bytes) {
  const CurrentContext context(owner.first);
  Block block{0, rounded_up(bytes, kBlockBytes)};
  MILLRACE_CUDA(mem_alloc, &block.address, block.bytes);
  pools().blocks.push_back(block);
  pools().free[owner].emplace(block.address, Piece{block.bytes, &pools().blocks.back()});
}

std::unique_ptr<Slice> cut(const Owner& owner, size_t bytes) {
  auto& free = pools().free[owner];
  for (auto at = free.begin(); at != free.end(); ++at) {
    const auto [address, piece] = *at;
    if (piece.bytes < bytes) continue;
    free.erase(at);
    if (piece.bytes > bytes) free.emplace(address + bytes, Piece{piece.bytes - bytes, piece.block});
    return std::make_unique<Slice>(Slice{owner, address, {bytes, piece.block}, {}});
  }
  return nullptr;
}

void free_slice(void* context) {
  const std::unique_ptr<Slice> slice(static_cast<Slice*>(context));
  const std::lock_guard lock(pools().mutex);
  --pools().in_use;
  if (slice->recorded.empty()) return give_back(*slice);
  try {
    pools().pending.emplace_back(*slice, Fence(slice->owner.first, slice->recorded));
  } catch (const std::exception&) {
    // The driver is shutting down.
  }
}

}  // namespace

SliceAllocator& SliceAllocator::instance() {
  static auto* const allocator = new SliceAllocator;
  return *allocator;
}

c10::DataPtr SliceAllocator::allocate(size_t bytes) {
  const auto* const guard = c10::impl::getDeviceGuardImpl(c10::kCUDA);
  const c10::Device device = guard->getDevice();
  if (bytes == 0) return {nullptr, device};
  const Owner owner{device.index(), current_stream(device.index())};
  const size_t slice_bytes = rounded_up(bytes, kAlignment);
  const std::lock_guard lock(pools().mutex);
  take_what_has_passed();
  std::unique_ptr<Slice> slice = cut(owner, slice_bytes);
  if (!slice) {
    add_block(owner, slice_bytes);
    slice = cut(owner, slice_bytes);
  }
  ++pools().in_use;
  auto* const memory = reinterpret_cast<void*>(slice->address);
  return {memory, slice.release(), free_slice, device};
}

void SliceAllocator::copy_data(void* to, const void* from, std::size_t bytes) const {
  MILLRACE_CUDA(memcpy_dtod_async, reinterpret_cast<DevicePtr>(to), reinterpret_cast<DevicePtr>(from), bytes, nullptr);
}

void SliceAllocator::record(const c10::DataPtr& data, api::Stream stream) {
  if (data.get_deleter() != free_slice) return;  // Not from here, as in torch's allocator.
  auto* const slice = static_cast<Slice*>(data.get_context());
  const std::lock_guard lock(pools().mutex);
  if (stream == slice->owner.second) return;
  if (std::find(slice->recorded.begin(), slice->recorded.end(), stream) == slice->recorded.end())
    slice->recorded.push_back(stream);
}

size_t SliceAllocator::slices_in_use() const {
  const std::lock_guard lock(pools().mutex);
  return pools().in_use;
}

void SliceAllocator::empty_cache() {
  const std::lock_guard lock(pools().mutex);
  take_what_has_passed();
  for (auto& [owner, free] : pools().free) {
    const CurrentContext context(owner.first);
    for (auto at = free.begin(); at != free.end();) {
      const auto next = std::next(at);
      const Block* const block = at->second.block;
      if (at->second.bytes == block->bytes) {
        MILLRACE_CUDA(mem_free, block->address);
        pools().blocks.remove_if([&](const Block& other) { return &other == block; });
        free.erase(at);
      }
      at = next;
    }
  }
}

}  // namespace fake_torch
