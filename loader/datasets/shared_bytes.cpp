#include "millrace/loader/datasets/shared_bytes.h"

#include <utility>

namespace millrace::detail {

SharedBytes SharedBytes::make(const std::string& label, size_t size, const std::function<void(std::byte*)>& fill) {
  SharedBytes made;
  made.memory_ = FrozenSegment::make(label, size, "use a smaller dataset", fill);
  made.size_ = size;
  return made;
}

void SharedBytes::save(EncodeArchive& archive) const {
  archive(static_cast<uint64_t>(size()));
  if (memory_) archive.attach(memory_.fd());
}

void SharedBytes::load(DecodeArchive& archive) {
  uint64_t size = 0;
  archive(size);
  *this = {};
  if (size == 0) return;
  auto memory = FrozenSegment::adopt(archive.detach());
  if (memory.size() < size) throw DecodeError("shared bytes are fewer than their number says");
  memory_ = std::move(memory);
  size_ = size;
}

}  // namespace millrace::detail
