#include "millrace/loader/engine/kept_memory.h"

#include <cstdlib>

#include "millrace/sharing/os/round_up.h"

namespace millrace {
namespace {

constexpr size_t kAlignment = 64;

uint64_t most_of(const DataLoaderOptions& options) {
  return options.device().is_cpu() && options.device_batch_bytes() == 0 ? options.kept_bytes() : 0;
}

}  // namespace

KeptMemory::KeptMemory(const DataLoaderOptions& options)
    : held_(static_cast<size_t>(options.held())),
      most_(most_of(options)),
      used_(std::make_shared<std::atomic<uint64_t>>(0)) {}

std::optional<KeptMemory::Block> KeptMemory::beyond(size_t lent, size_t bytes) {
  if (lent < held_ || used_->load() + bytes > most_) return std::nullopt;
  auto* const data = static_cast<std::byte*>(std::aligned_alloc(kAlignment, round_up(bytes, kAlignment)));
  if (data == nullptr) return std::nullopt;
  used_->fetch_add(bytes);
  return Block{data, std::shared_ptr<void>(data, [used = used_, bytes](void* memory) {
                 std::free(memory);
                 used->fetch_sub(bytes);
               })};
}

}  // namespace millrace
