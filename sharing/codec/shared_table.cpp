#include "millrace/sharing/codec/shared_table.h"

#include <cstring>

namespace millrace {

SharedStrings SharedStrings::make(const std::vector<std::string>& strings) {
  return make(std::vector<std::string_view>(strings.begin(), strings.end()));
}

SharedStrings SharedStrings::make(std::span<const std::string_view> strings) {
  SharedStrings table;
  if (strings.empty()) return table;
  const size_t count = strings.size();
  size_t characters = 0;
  for (const auto& s : strings) characters += s.size();

  auto memory = std::make_shared<Memory>();
  const size_t header = (count + 1) * sizeof(uint64_t);
  memory->segment = SharedSegment::create("table of strings", header + characters, "use a smaller dataset");
  memory->mapped = MappedSegment(memory->segment, Access::kReadWrite);
  memory->count = count;
  auto* offsets = reinterpret_cast<uint64_t*>(memory->mapped.data());
  std::byte* next = memory->mapped.data() + header;
  for (size_t i = 0; i < count; ++i) {
    offsets[i] = static_cast<uint64_t>(next - memory->mapped.data());
    std::memcpy(next, strings[i].data(), strings[i].size());
    next += strings[i].size();
  }
  offsets[count] = header + characters;
  table.memory_ = std::move(memory);
  return table;
}

std::span<const uint64_t> SharedStrings::offsets() const {
  if (!memory_) return {};
  return {reinterpret_cast<const uint64_t*>(memory_->mapped.data()), memory_->count + 1};
}

std::string_view SharedStrings::operator[](size_t index) const {
  const auto at = offsets();
  // Copied before they are checked: whoever sent the table may still be able to write to it.
  const uint64_t first = at[index], end = at[index + 1];
  if (first > end || end > memory_->mapped.size())
    throw DecodeError("entry " + std::to_string(index) + " of a table of strings points outside its memory");
  return {reinterpret_cast<const char*>(memory_->mapped.data()) + first, end - first};
}

void SharedStrings::save(EncodeArchive& archive) const {
  const uint64_t count = size();
  archive(count);
  if (memory_) archive.attach(memory_->segment.fd());
}

void SharedStrings::load(DecodeArchive& archive) {
  uint64_t count = 0;
  archive(count);
  memory_.reset();
  if (count == 0) return;
  auto memory = std::make_shared<Memory>();
  memory->segment = SharedSegment::adopt(archive.detach());
  memory->mapped = MappedSegment(memory->segment, Access::kRead);
  memory->count = count;
  if (count >= memory->mapped.size() / sizeof(uint64_t))
    throw DecodeError("a table of " + std::to_string(count) + " strings does not fit its memory");
  memory_ = std::move(memory);
}

}  // namespace millrace
