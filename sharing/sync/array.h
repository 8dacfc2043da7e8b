#pragma once

#include <algorithm>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/sync/elements.h"
#include "millrace/sharing/sync/lock.h"

namespace millrace::multiprocessing {

/// multiprocessing.RawArray: a fixed number of T in shared memory, without a lock.
///
/// Thread safety: none but what the caller arranges. Descriptors: one in each process that has it. Memory is allocated
/// when it is made; OutOfSharedMemory says so where there is not enough.
///
/// If a process dies here: a store it had begun may be half done, as far as T takes more than one.
template <class T>
class RawArray {
 public:
  /// `size` elements, all zero.
  explicit RawArray(size_t size = 0) : elements_(size) {}
  explicit RawArray(std::span<const T> values) : elements_(values) {}
  RawArray(std::initializer_list<T> values) : RawArray(std::span<const T>(values)) {}

  size_t size() const { return elements_.view().size(); }
  T& operator[](size_t index) { return elements_.view()[index]; }
  const T& operator[](size_t index) const { return elements_.view()[index]; }
  std::span<T> view() { return elements_.view(); }
  std::span<const T> view() const { return elements_.view(); }

  void save(EncodeArchive& archive) const { elements_.save(archive); }
  void load(DecodeArchive& archive) { elements_.load(archive, 0); }

 private:
  detail::SharedElements<T> elements_;
};

/// multiprocessing.Array: a fixed number of T in shared memory, and an RLock that guards them.
///
/// Thread safety: get(), set(), assign() and copy() lock. For more than one of them in a row, or for view(), hold
/// get_lock() (std::lock_guard). Descriptors: one in each process that has it, and one for the lock when that was
/// given. Memory as with RawArray.
///
/// If a process dies here: as with Value.
template <class T>
class Array {
 public:
  /// `size` elements, all zero.
  explicit Array(size_t size = 0) : elements_(size), lock_(elements_.make_lock()) {}
  explicit Array(std::span<const T> values) : elements_(values), lock_(elements_.make_lock()) {}
  Array(std::initializer_list<T> values) : Array(std::span<const T>(values)) {}

  /// An array that is guarded by a lock that guards other things too.
  Array(std::span<const T> values, const RLock& lock) : elements_(values), lock_(detail::share_lock(lock)) {}

  size_t size() const { return elements_.view().size(); }

  /// Element `index`. Throws std::out_of_range, as set() and assign() do.
  T get(size_t index) const {
    const std::lock_guard hold(*lock_);
    return slice(index, 1)[0];
  }

  void set(size_t index, const T& value) {
    const std::lock_guard hold(*lock_);
    slice(index, 1)[0] = value;
  }

  /// Writes `values` to the elements from `first` on.
  void assign(size_t first, std::span<const T> values) {
    const std::lock_guard hold(*lock_);
    std::copy(values.begin(), values.end(), slice(first, values.size()).begin());
  }

  /// All of it, as it is at one moment.
  std::vector<T> copy() const {
    const std::lock_guard hold(*lock_);
    const auto all = elements_.view();
    return {all.begin(), all.end()};
  }

  /// The elements themselves. REQUIRES: the caller holds get_lock(), or nobody else uses them.
  std::span<T> view() { return elements_.view(); }

  RLock& get_lock() { return *lock_; }

  void save(EncodeArchive& archive) const { elements_.save_with_lock(archive, *lock_); }
  void load(DecodeArchive& archive) { lock_ = elements_.load_with_lock(archive, 0); }

 private:
  std::span<T> slice(size_t first, size_t count) const {
    if (first > size() || count > size() - first)
      throw std::out_of_range("elements " + std::to_string(first) + " to " + std::to_string(first + count) +
                              " of a shared Array of " + std::to_string(size()));
    return elements_.view().subspan(first, count);
  }

  detail::SharedElements<T> elements_;
  std::unique_ptr<RLock> lock_;
};

}  // namespace millrace::multiprocessing
