#pragma once

#include <cstddef>
#include <memory>

namespace millrace::image {

/// Memory that is kept from picture to picture, for one thread. Memory that a huge picture needed is given back after
/// many small ones.
template <class Value>
class Room {
 public:
  /// Room for `count` values, whose contents are undefined; what was there is lost where it moves.
  Value* at_least(size_t count) {
    const bool oversized = size_ * sizeof(Value) > kKeptBytes && count < size_ / 4;
    unneeded_ = oversized ? unneeded_ + 1 : 0;
    if (count > size_ || unneeded_ == kPatience) {
      values_.reset();  // First, so that both are never held at once.
      values_ = std::make_unique_for_overwrite<Value[]>(count);
      size_ = count;
      unneeded_ = 0;
    }
    return values_.get();
  }

  Value* get() const { return values_.get(); }
  size_t size() const { return size_; }

 private:
  static constexpr size_t kKeptBytes = size_t{16} << 20;
  static constexpr int kPatience = 32;

  std::unique_ptr<Value[]> values_;
  size_t size_ = 0;
  int unneeded_ = 0;  // Successive requests that needed less than a quarter of it.
};

}  // namespace millrace::image
