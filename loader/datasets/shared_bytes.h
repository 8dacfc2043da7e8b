#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/segment.h"

namespace millrace::detail {

/// Bytes that do not change any more, in memory that all processes share: sending them sends a descriptor.
class SharedBytes {
 public:
  SharedBytes() = default;

  /// Of `size` bytes, which `fill(std::byte*)` writes. Throws OutOfSharedMemory, SyscallError.
  template <class Fill>
  static SharedBytes make(const std::string& label, size_t size, const Fill& fill) {
    SharedBytes made;
    if (size == 0) return made;
    auto memory = std::make_shared<Memory>();
    memory->segment = SharedSegment::create(label, size, "use a smaller dataset");
    memory->mapped = MappedSegment(memory->segment, Access::kReadWrite);
    memory->size = size;
    fill(memory->mapped.data());
    made.memory_ = std::move(memory);
    return made;
  }

  /// Of what is in `values`. Errors as make().
  template <class T>
  static SharedBytes of(const std::string& label, const std::vector<T>& values) {
    const size_t bytes = values.size() * sizeof(T);
    return make(label, bytes, [&](std::byte* memory) { std::memcpy(memory, values.data(), bytes); });
  }

  /// All of it, as values that of() was given; what is left over at the end is not among them.
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data()), size() / sizeof(T)};
  }

  const std::byte* data() const { return memory_ ? memory_->mapped.data() : nullptr; }
  size_t size() const { return memory_ ? memory_->size : 0; }

  void save(EncodeArchive& archive) const {
    archive(static_cast<uint64_t>(size()));
    if (memory_) archive.attach(memory_->segment.fd());
  }

  void load(DecodeArchive& archive) {
    uint64_t size = 0;
    archive(size);
    memory_.reset();
    if (size == 0) return;
    auto memory = std::make_shared<Memory>();
    memory->segment = SharedSegment::adopt(archive.detach());
    memory->mapped = MappedSegment(memory->segment, Access::kRead);
    memory->size = size;
    if (memory->mapped.size() < size) throw DecodeError("shared bytes are fewer than their number says");
    memory_ = std::move(memory);
  }

 private:
  struct Memory {
    SharedSegment segment;
    MappedSegment mapped;
    size_t size = 0;
  };

  std::shared_ptr<const Memory> memory_;
};

}  // namespace millrace::detail
