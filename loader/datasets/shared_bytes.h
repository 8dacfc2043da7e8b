#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/frozen_segment.h"

namespace millrace::detail {

/// Bytes that do not change any more, in memory that all processes share: sending them sends a descriptor. Where they
/// hold offsets, the reader checks each one before use, as FrozenSegment says.
class SharedBytes {
 public:
  SharedBytes() = default;

  /// New memory of `size` bytes, which `fill(std::byte*)` writes. Throws OutOfSharedMemory, SyscallError.
  static SharedBytes make(const std::string& label, size_t size, const std::function<void(std::byte*)>& fill);

  /// New memory with the bytes of `values`. Throws as make().
  template <class T>
  static SharedBytes of(const std::string& label, const std::vector<T>& values) {
    const size_t bytes = values.size() * sizeof(T);
    return make(label, bytes, [&](std::byte* memory) { std::memcpy(memory, values.data(), bytes); });
  }

  /// The bytes as the values that of() was given. Bytes at the end that make no whole T are left out.
  template <class T>
  std::span<const T> as() const {
    return {reinterpret_cast<const T*>(data()), size() / sizeof(T)};
  }

  const std::byte* data() const { return memory_.data(); }
  size_t size() const { return memory_ ? size_ : 0; }

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  FrozenSegment memory_;
  uint64_t size_ = 0;
};

}  // namespace millrace::detail
