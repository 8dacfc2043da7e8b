#include "millrace/sharing/memory/frozen_segment.h"

#include <stdexcept>
#include <utility>

#include "millrace/sharing/os/memfd.h"

namespace millrace {

FrozenSegment::FrozenSegment(SharedSegment segment) {
  auto memory = std::make_shared<Memory>();
  memory->mapped = MappedSegment(segment, Access::kRead);
  memory->segment = std::move(segment);
  memory_ = std::move(memory);
}

FrozenSegment FrozenSegment::make(const std::string& label, size_t bytes, const std::string& knob,
                                  const std::function<void(std::byte*)>& fill) {
  if (bytes == 0) return {};
  auto segment = SharedSegment::create_freezable(label, bytes, knob);
  // Unmapped before it is frozen: a mapping for writing would stay one.
  fill(MappedSegment(segment, Access::kReadWrite).data());
  freeze_memfd(segment.fd());
  return FrozenSegment(std::move(segment));
}

FrozenSegment FrozenSegment::adopt(OwnedFd fd) {
  if (!is_frozen(fd.get()))
    throw std::runtime_error(
        "a table arrived whose memory can still be written to (it lacks the seal F_SEAL_FUTURE_WRITE); it was not made "
        "by this version of Millrace");
  return FrozenSegment(SharedSegment::adopt(std::move(fd)));
}

}  // namespace millrace
