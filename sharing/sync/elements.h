#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/sync/lock.h"

namespace millrace::multiprocessing::detail {

/// Bytes in shared memory behind a lock: what Value and Array are made of, whatever their T.
class LockedBytes {
 public:
  /// The most bytes that lie in a segment together with other objects. Larger objects have a segment, and so a
  /// descriptor, of their own: a write beyond the end of an array then hits no lock of another object.
  static constexpr size_t kMostTogether = 256;

  /// Room for `bytes` bytes, all zero.
  explicit LockedBytes(size_t bytes);

  std::span<std::byte> bytes() const { return bytes_; }

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

  /// The lock in front of the bytes.
  std::unique_ptr<OwnedLock> make_lock() const;

  /// Saves the bytes with the lock: the one in front of the bytes, or one that was given.
  void save_with_lock(EncodeArchive& archive, const OwnedLock& lock) const;
  std::unique_ptr<OwnedLock> load_with_lock(DecodeArchive& archive);

 private:
  std::shared_ptr<SyncMemory> block_;
  std::span<std::byte> bytes_;
};

/// Another object for the same lock.
std::unique_ptr<OwnedLock> share_lock(const OwnedLock& lock);

/// A type whose values other processes see as they are written: it has no pointers, and reading it runs no code.
template <class T>
class SharedElements {
  static_assert(std::is_trivially_copyable_v<T> && !std::is_pointer_v<T> && !std::is_const_v<T>,
                "what several processes see in shared memory must be trivially copyable and no pointer");
  static_assert(alignof(T) <= 64);

 public:
  explicit SharedElements(size_t count) : bytes_(bytes_for(count)) {}
  explicit SharedElements(std::span<const T> values) : SharedElements(values.size()) {
    std::copy(values.begin(), values.end(), view().begin());
  }

  std::span<T> view() const { return {reinterpret_cast<T*>(bytes_.bytes().data()), bytes_.bytes().size() / sizeof(T)}; }

  std::unique_ptr<OwnedLock> make_lock() const { return bytes_.make_lock(); }

  // `handle` is what the elements belong to: "a RawArray".
  void save(EncodeArchive& archive, const char* handle) const {
    millrace::detail::save_kind(archive, kind_of(handle));
    bytes_.save(archive);
  }
  void save_with_lock(EncodeArchive& archive, const char* handle, const OwnedLock& lock) const {
    millrace::detail::save_kind(archive, kind_of(handle));
    bytes_.save_with_lock(archive, lock);
  }

  void load(DecodeArchive& archive, const char* handle, size_t at_least) {
    millrace::detail::load_kind(archive, kind_of(handle));
    bytes_.load(archive);
    require(at_least);
  }

  std::unique_ptr<OwnedLock> load_with_lock(DecodeArchive& archive, const char* handle, size_t at_least) {
    millrace::detail::load_kind(archive, kind_of(handle));
    auto lock = bytes_.load_with_lock(archive);
    require(at_least);
    return lock;
  }

 private:
  static std::string kind_of(const char* handle) {
    return std::string(handle) + " of " + millrace::detail::element_name<T>();
  }

  static size_t bytes_for(size_t count) {
    if (count > std::numeric_limits<size_t>::max() / 2 / sizeof(T))
      throw std::length_error("a shared Array of so many elements has no address");
    return count * sizeof(T);
  }

  void require(size_t count) const {
    if (view().size() < count) throw DecodeError("a shared value came without its memory");
  }

  LockedBytes bytes_;
};

}  // namespace millrace::multiprocessing::detail
