#pragma once

#include <cstdint>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace millrace {

/// The unused byte ranges of a segment; neighbours are joined. Not thread-safe.
class FreeRanges {
 public:
  /// Adds a range. REQUIRES: no byte of the range is free already.
  void add(uint64_t offset, uint64_t bytes) {
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && offset + bytes == next->first) {
      bytes += next->second;
      next = remove(next);
    }
    if (next != by_offset_.begin()) {
      const auto previous = std::prev(next);
      if (previous->first + previous->second == offset) {
        offset = previous->first;
        bytes += previous->second;
        remove(previous);
      }
    }
    by_offset_.emplace(offset, bytes);
    by_size_.emplace(bytes, offset);
  }

  /// The size of the smallest range that holds `bytes` bytes; nullopt when none does.
  std::optional<uint64_t> smallest_for(uint64_t bytes) const {
    const auto best = by_size_.lower_bound({bytes, 0});
    return best == by_size_.end() ? std::nullopt : std::optional(best->first);
  }

  /// Takes `bytes` bytes from the smallest range that holds them; nullopt when none does.
  std::optional<uint64_t> take(uint64_t bytes) {
    const auto best = by_size_.lower_bound({bytes, 0});
    if (best == by_size_.end()) return std::nullopt;
    const auto [size, offset] = *best;
    remove(by_offset_.find(offset));
    if (size > bytes) {
      by_offset_.emplace(offset + bytes, size - bytes);
      by_size_.emplace(size - bytes, offset + bytes);
    }
    return offset;
  }

 private:
  using ByOffset = std::map<uint64_t, uint64_t>;

  ByOffset::iterator remove(ByOffset::iterator range) {
    by_size_.erase({range->second, range->first});
    return by_offset_.erase(range);
  }

  ByOffset by_offset_;
  std::set<std::pair<uint64_t, uint64_t>> by_size_;  // Size, offset.
};

}  // namespace millrace
