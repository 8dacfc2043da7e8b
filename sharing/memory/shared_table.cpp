#include "millrace/sharing/memory/shared_table.h"

#include <cstring>
#include <stdexcept>
#include <utility>

namespace millrace {

SharedStrings SharedStrings::make(const std::vector<std::string>& strings) {
  return make(std::vector<std::string_view>(strings.begin(), strings.end()));
}

SharedStrings SharedStrings::make(std::span<const std::string_view> strings) {
  SharedStrings table;
  if (strings.empty()) return table;
  size_t characters = 0;
  for (const auto& s : strings) characters += s.size();
  const size_t header = (strings.size() + 1) * sizeof(uint64_t);
  table.memory_ =
      FrozenSegment::make("table of strings", header + characters, "use a smaller dataset", [&](std::byte* memory) {
        auto* offset = reinterpret_cast<uint64_t*>(memory);
        size_t next = header;
        for (const auto& s : strings) {
          *offset++ = next;
          std::memcpy(memory + next, s.data(), s.size());
          next += s.size();
        }
        *offset = next;
      });
  table.count_ = strings.size();
  return table;
}

std::string_view SharedStrings::operator[](size_t index) const {
  if (index >= size())
    throw std::out_of_range("entry " + std::to_string(index) + " of a table of " + std::to_string(size()) +
                            " strings was asked for");
  const auto* at = reinterpret_cast<const uint64_t*>(memory_.data()) + index;
  // Copied before they are checked: whoever sent the table may still be able to write to it.
  const uint64_t first = at[0], end = at[1];
  if (first > end || end > memory_.size())
    throw DecodeError("entry " + std::to_string(index) + " of a table of strings points outside its memory");
  return {reinterpret_cast<const char*>(memory_.data()) + first, end - first};
}

void SharedStrings::save(EncodeArchive& archive) const {
  archive(static_cast<uint64_t>(size()));
  if (memory_) archive.attach(memory_.fd());
}

void SharedStrings::load(DecodeArchive& archive) {
  uint64_t count = 0;
  archive(count);
  *this = {};
  if (count == 0) return;
  auto memory = FrozenSegment::adopt(archive.detach());
  if (count >= memory.size() / sizeof(uint64_t))
    throw DecodeError("a table of " + std::to_string(count) + " strings does not fit its memory");
  memory_ = std::move(memory);
  count_ = count;
}

}  // namespace millrace
