#include "millrace/sharing/sync/sync_memory.h"

#include "millrace/sharing/os/memfd.h"

namespace millrace::multiprocessing::detail {
namespace {

// Up to this size the memory is taken without asking first how much there is: asking costs more than the lock.
constexpr size_t kSmall = size_t{256} << 10;

SharedSegment make_segment(const char* label, size_t bytes) {
  if (bytes > kSmall) return SharedSegment::create(label, bytes, "share fewer elements");
  return SharedSegment::adopt(create_memfd(label, bytes));
}

}  // namespace

std::shared_ptr<SyncMemory> SyncMemory::create(const char* label, size_t bytes) {
  return std::make_shared<SyncMemory>(make_segment(label, bytes));
}

std::shared_ptr<SyncMemory> SyncMemory::receive(DecodeArchive& archive, size_t bytes) {
  auto segment = SharedSegment::adopt(archive.detach());
  if (segment.bytes() < bytes)
    throw DecodeError("shared memory of " + std::to_string(bytes) + " bytes was expected, but a segment of " +
                      std::to_string(segment.bytes()) + " came");
  return std::make_shared<SyncMemory>(std::move(segment));
}

SyncMemory::SyncMemory(SharedSegment segment) : segment_(std::move(segment)), memory_(segment_, Access::kReadWrite) {}

SyncMemory::~SyncMemory() {
  if (pinned_.load(std::memory_order_relaxed) > 0) new MappedSegment(std::move(memory_));
}

}  // namespace millrace::multiprocessing::detail
