#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/memory/frozen_segment.h"

namespace millrace {

/// A read-only list of strings (file paths, captions) in one piece of shared memory: sending it to workers sends a
/// descriptor, and a million paths exist once for all processes (the cure for pytorch#13246).
///
/// Immutable and cheap to copy; any thread and any process may read it. A process that dies takes nothing from the
/// others: the memory goes when the last process that mapped it does.
class SharedStrings {
 public:
  SharedStrings() = default;

  static SharedStrings make(const std::vector<std::string>& strings);
  static SharedStrings make(std::span<const std::string_view> strings);

  size_t size() const { return memory_ ? count_ : 0; }
  bool empty() const { return size() == 0; }

  /// The string at `index`, valid as long as some copy of the table lives. Throws std::out_of_range for an index that
  /// the table does not have, DecodeError if the table came damaged.
  std::string_view operator[](size_t index) const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  FrozenSegment memory_;  // count_ + 1 offsets into the characters that follow them.
  uint64_t count_ = 0;
};

}  // namespace millrace
