#include "millrace/formats/tf_record_index.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "millrace/formats/tf_record_scan.h"
#include "millrace/sharing/codec/crc32c.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {
namespace {

struct IndexHead {
  std::array<char, 8> magic = {'t', 'f', 'r', 'i', 'n', 'd', 'e', 'x'};
  uint32_t version = 1;
  uint32_t checksum = 0;
  uint64_t file_size = 0;
  int64_t file_mtime = 0;
};
static_assert(sizeof(IndexHead) == 32);

constexpr size_t kBehindChecksum = offsetof(IndexHead, file_size);

// A record is at least its head and the checksum of nothing.
constexpr uint64_t kSmallestRecord = 16;

std::string index_path(const MappedFile& file) { return file.path() + ".index"; }

std::string index_of(const FileStamp& stamp, std::span<const uint64_t> offsets) {
  IndexHead head;
  head.file_size = stamp.size;
  head.file_mtime = stamp.mtime;
  std::string bytes(sizeof head + offsets.size_bytes(), '\0');
  std::memcpy(bytes.data(), &head, sizeof head);
  // Of a file without records there is nothing, and no place of it.
  if (!offsets.empty()) std::memcpy(bytes.data() + sizeof head, offsets.data(), offsets.size_bytes());
  head.checksum = masked_crc32c(std::string_view(bytes).substr(kBehindChecksum));
  std::memcpy(bytes.data(), &head, sizeof head);
  return bytes;
}

bool are_possible(std::span<const uint64_t> offsets, uint64_t file_size) {
  if (offsets.empty()) return file_size == 0;
  const bool rises = std::adjacent_find(offsets.begin(), offsets.end(), std::greater_equal<>()) == offsets.end();
  return rises && offsets.front() == 0 && offsets.back() < file_size;
}

// The offsets in an index of a file in that state; nothing when it is damaged, or of another file or version.
std::optional<std::vector<uint64_t>> offsets_in(std::string_view index, const FileStamp& stamp) {
  IndexHead head;
  const IndexHead wanted;
  if (index.size() < sizeof head || (index.size() - sizeof head) % sizeof(uint64_t) != 0) return std::nullopt;
  std::memcpy(&head, index.data(), sizeof head);
  if (head.magic != wanted.magic || head.version != wanted.version ||
      FileStamp{head.file_size, head.file_mtime} != stamp ||
      head.checksum != masked_crc32c(index.substr(kBehindChecksum)))
    return std::nullopt;
  std::vector<uint64_t> offsets((index.size() - sizeof head) / sizeof(uint64_t));
  if (!offsets.empty()) std::memcpy(offsets.data(), index.data() + sizeof head, offsets.size() * sizeof(uint64_t));
  if (!are_possible(offsets, stamp.size)) return std::nullopt;
  return offsets;
}

std::optional<std::vector<uint64_t>> load_index(const MappedFile& file) {
  // Larger than any index of such a file: not read.
  const uint64_t most = sizeof(IndexHead) + file.stamp().size / kSmallestRecord * sizeof(uint64_t);
  try {
    return offsets_in(read_regular(index_path(file), most), file.stamp());
  } catch (const std::runtime_error&) {
    return std::nullopt;  // There is none.
  }
}

void save_index(const MappedFile& file, std::span<const uint64_t> offsets) {
  struct stat status = {};
  MILLRACE_SYSCALL(::stat(file.path().c_str(), &status), file.path());
  NewFile index(index_path(file));
  index.allow_readers_of(status);
  const std::string bytes = index_of(file.stamp(), offsets);
  index.write(std::as_bytes(std::span(bytes)));
  index.commit();
}

}  // namespace

std::vector<uint64_t> open_tf_record_index(const MappedFile& file) {
  if (auto kept = load_index(file)) return *std::move(kept);
  std::vector<uint64_t> offsets = scan_tf_records(file.bytes());
  try {
    save_index(file, offsets);
  } catch (const SyscallError&) {
    // A folder that is read-only or full: the next one looks through the file as well.
  }
  return offsets;
}

}  // namespace millrace::detail
