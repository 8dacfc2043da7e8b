#pragma once

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <iterator>
#include <memory>
#include <mutex>
#include <ranges>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/sync/elements.h"
#include "millrace/sharing/sync/lock.h"

namespace millrace::multiprocessing {

namespace detail {

/// Values for an array that do not lie in a row, such as views and lists. Values that do are taken as a span.
template <class Range, class T>
concept RangeOf = std::ranges::forward_range<Range> && std::convertible_to<std::ranges::range_reference_t<Range>, T> &&
                  !std::convertible_to<Range, std::span<const T>>;

template <class Range>
size_t length_of(Range& values) {
  return static_cast<size_t>(std::ranges::distance(values));
}

}  // namespace detail

/// multiprocessing.RawArray: a fixed number of T in shared memory, without a lock.
///
/// Thread safety: none but what the caller arranges. Descriptors: where it has more than 256 bytes, one in each process
/// that has it; none of its own where it is smaller. All memory is allocated when the array is made, which throws
/// OutOfSharedMemory where there is not enough.
///
/// If a process dies here: a store that it had begun may be half done, where a T takes more than one store.
template <class T>
class RawArray {
 public:
  RawArray() : RawArray(size_t{0}) {}
  /// An array of `size` elements, all zero.
  explicit RawArray(size_t size) : elements_(size) {}
  explicit RawArray(std::span<const T> values) : elements_(values) {}
  RawArray(std::initializer_list<T> values) : RawArray(std::span<const T>(values)) {}
  template <class Range>
    requires(detail::RangeOf<Range, T> && !std::same_as<std::remove_cvref_t<Range>, RawArray>)
  explicit RawArray(Range&& values) : elements_(detail::length_of(values)) {
    std::ranges::copy(values, begin());
  }

  size_t size() const { return elements_.view().size(); }
  T& operator[](size_t index) { return elements_.view()[index]; }
  const T& operator[](size_t index) const { return elements_.view()[index]; }
  std::span<T> view() { return elements_.view(); }
  std::span<const T> view() const { return elements_.view(); }

  auto begin() { return view().begin(); }
  auto end() { return view().end(); }
  auto begin() const { return view().begin(); }
  auto end() const { return view().end(); }

  void save(EncodeArchive& archive) const { elements_.save(archive, "a RawArray"); }
  void load(DecodeArchive& archive) { elements_.load(archive, "a RawArray", 0); }

 private:
  detail::SharedElements<T> elements_;
};

/// multiprocessing.Array: a fixed number of T in shared memory, and a lock that guards them: an RLock of its own, or
/// one that was given.
///
/// Thread safety: get(), set(), assign() and copy() lock, and so does every use of an element, `array[i] = x`,
/// `array[i] += 1` and `for (T x : array)`, each by itself. For several of them in a row, or for view(), hold
/// get_lock() (std::lock_guard). Where a Lock was given, only view() may be called while it is held, as a Lock is not
/// taken twice. Descriptors and memory as with RawArray.
///
/// If a process dies here: as with Value.
template <class T>
class Array {
 public:
  Array() : Array(size_t{0}) {}
  /// An array of `size` elements, all zero.
  explicit Array(size_t size) : elements_(size), lock_(elements_.make_lock()) {}
  explicit Array(std::span<const T> values) : elements_(values), lock_(elements_.make_lock()) {}
  Array(std::initializer_list<T> values) : Array(std::span<const T>(values)) {}
  template <class Range>
    requires(detail::RangeOf<Range, T> && !std::same_as<std::remove_cvref_t<Range>, Array>)
  explicit Array(Range&& values) : Array(detail::length_of(values)) {
    std::ranges::copy(values, view().begin());
  }

  /// An array that is guarded by a lock that guards other things too. The object `lock` may be destroyed afterwards.
  Array(std::span<const T> values, const RLock& lock) : elements_(values), lock_(detail::share_lock(lock)) {}
  Array(std::span<const T> values, const Lock& lock) : elements_(values), lock_(detail::share_lock(lock)) {}

  /// The place of an element: a read is one of the array, and so is a write. It lives no longer than the array.
  class Element {
   public:
    Element(Array& array, size_t index) : array_(&array), index_(index) {}
    Element(const Element&) = default;

    operator T() const { return array_->get(index_); }  // NOLINT(google-explicit-constructor): it stands for a T.
    const Element& operator=(const T& value) const {
      array_->set(index_, value);
      return *this;
    }
    const Element& operator=(const Element& other) const { return *this = static_cast<T>(other); }

    // The lock is held from the reading to the writing, other than in Python.
    template <class U>
    const Element& operator+=(const U& value) const {
      return change([&](T& element) { element += value; });
    }
    template <class U>
    const Element& operator-=(const U& value) const {
      return change([&](T& element) { element -= value; });
    }
    template <class U>
    const Element& operator*=(const U& value) const {
      return change([&](T& element) { element *= value; });
    }
    template <class U>
    const Element& operator/=(const U& value) const {
      return change([&](T& element) { element /= value; });
    }
    const Element& operator++() const {
      return change([](T& element) { ++element; });
    }
    const Element& operator--() const {
      return change([](T& element) { --element; });
    }

   private:
    template <class Change>
    const Element& change(Change change_one) const {
      const std::lock_guard hold(*array_->lock_);
      change_one(array_->slice(index_, 1)[0]);
      return *this;
    }

    Array* array_;
    size_t index_;
  };

  template <class Of>
  class IteratorOf {
   public:
    using iterator_category = std::input_iterator_tag;
    using iterator_concept = std::forward_iterator_tag;
    using value_type = T;
    using difference_type = std::ptrdiff_t;
    using pointer = void;
    using reference = decltype(std::declval<Of&>()[0]);

    IteratorOf() = default;
    IteratorOf(Of& array, size_t index) : array_(&array), index_(index) {}

    reference operator*() const { return (*array_)[index_]; }
    IteratorOf& operator++() {
      ++index_;
      return *this;
    }
    IteratorOf operator++(int) {
      auto before = *this;
      ++index_;
      return before;
    }
    bool operator==(const IteratorOf&) const = default;

   private:
    Of* array_ = nullptr;
    size_t index_ = 0;
  };

  size_t size() const { return elements_.view().size(); }

  /// Element `index`. Throws std::out_of_range, when it is used, if there is none.
  Element operator[](size_t index) { return {*this, index}; }
  T operator[](size_t index) const { return get(index); }

  auto begin() { return IteratorOf<Array>(*this, 0); }
  auto end() { return IteratorOf<Array>(*this, size()); }
  auto begin() const { return IteratorOf<const Array>(*this, 0); }
  auto end() const { return IteratorOf<const Array>(*this, size()); }

  /// Element `index`. Throws std::out_of_range, as set(), assign() and copy() do.
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

  /// All elements, as they are at one moment.
  std::vector<T> copy() const {
    const std::lock_guard hold(*lock_);
    const auto all = elements_.view();
    return {all.begin(), all.end()};
  }

  /// `count` elements from `first` on, as they are at one moment.
  std::vector<T> copy(size_t first, size_t count) const {
    const std::lock_guard hold(*lock_);
    const auto part = slice(first, count);
    return {part.begin(), part.end()};
  }

  /// The elements themselves. REQUIRES: the caller holds get_lock(), or nobody else uses them.
  std::span<T> view() { return elements_.view(); }

  detail::OwnedLock& get_lock() { return *lock_; }

  void save(EncodeArchive& archive) const { elements_.save_with_lock(archive, "an Array", *lock_); }
  void load(DecodeArchive& archive) { lock_ = elements_.load_with_lock(archive, "an Array", 0); }

 private:
  std::span<T> slice(size_t first, size_t count) const {
    if (first > size() || count > size() - first)
      throw std::out_of_range("elements " + std::to_string(first) + " to " + std::to_string(first + count) +
                              " of a shared Array of " + std::to_string(size()));
    return elements_.view().subspan(first, count);
  }

  detail::SharedElements<T> elements_;
  std::unique_ptr<detail::OwnedLock> lock_;
};

}  // namespace millrace::multiprocessing
