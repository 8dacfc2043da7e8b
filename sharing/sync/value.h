#pragma once

#include <memory>
#include <mutex>
#include <type_traits>
#include <utility>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/sync/elements.h"
#include "millrace/sharing/sync/lock.h"

namespace millrace::multiprocessing {

/// multiprocessing.RawValue: one T in shared memory, without a lock.
///
/// Thread safety: none but what the caller arranges, such as std::atomic_ref<T>(value.value()). Descriptors: none of
/// its own where T has no more than 256 bytes.
///
/// If a process dies here: a store that it had begun may be half done, where a T takes more than one store.
template <class T>
class RawValue {
 public:
  RawValue() : RawValue(T{}) {}
  explicit RawValue(const T& value) : elements_(1) { this->value() = value; }

  RawValue& operator=(const T& value) {
    this->value() = value;
    return *this;
  }
  operator T() const { return value(); }  // NOLINT(google-explicit-constructor): as std::atomic's.

  T& value() { return elements_.view()[0]; }
  const T& value() const { return elements_.view()[0]; }

  void save(EncodeArchive& archive) const { elements_.save(archive, "a RawValue"); }
  void load(DecodeArchive& archive) { elements_.load(archive, "a RawValue", 1); }

 private:
  detail::SharedElements<T> elements_;
};

/// multiprocessing.Value: one T in shared memory, and a lock that guards it: an RLock of its own, or one that was
/// given.
///
/// Thread safety: get() and set() lock, and so do `v = x` and `T x = v`, so a T is never read half written. For several
/// of them in a row hold get_lock() (std::lock_guard): `{ std::lock_guard hold(v.get_lock()); ++v.value(); }`. Where a
/// Lock was given, only value() may be called while it is held, as a Lock is not taken twice. Descriptors as with
/// RawValue.
///
/// If a process dies here while it holds the lock, it may leave a half written T. get(), set() and lock_guard throw
/// OwnerDied until some process has taken get_lock().acquire() and put the value right.
template <class T>
class Value {
 public:
  Value() : Value(T{}) {}
  explicit Value(const T& value) : elements_(1), lock_(elements_.make_lock()) { this->value() = value; }

  /// A value that is guarded by a lock that guards other things too. The object `lock` may be destroyed afterwards.
  Value(const T& value, const RLock& lock) : elements_(1), lock_(detail::share_lock(lock)) { this->value() = value; }
  Value(const T& value, const Lock& lock) : elements_(1), lock_(detail::share_lock(lock)) { this->value() = value; }

  Value& operator=(const T& value) {
    set(value);
    return *this;
  }
  operator T() const { return get(); }  // NOLINT(google-explicit-constructor): as std::atomic's.

  T get() const {
    const std::lock_guard hold(*lock_);
    return elements_.view()[0];
  }

  void set(const T& value) {
    const std::lock_guard hold(*lock_);
    this->value() = value;
  }

  /// The value itself. REQUIRES: the caller holds get_lock(), or nobody else uses it.
  T& value() { return elements_.view()[0]; }

  detail::OwnedLock& get_lock() { return *lock_; }

  void save(EncodeArchive& archive) const { elements_.save_with_lock(archive, "a Value", *lock_); }
  void load(DecodeArchive& archive) { lock_ = elements_.load_with_lock(archive, "a Value", 1); }

 private:
  detail::SharedElements<T> elements_;
  std::unique_ptr<detail::OwnedLock> lock_;
};

}  // namespace millrace::multiprocessing
