#include "millrace/loader/datasets/tar_index.h"

#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "millrace/sharing/codec/fnv.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

// The file is little-endian, and so is every machine that this library is for.
static_assert(std::endian::native == std::endian::little);

struct IndexHeader {
  char magic[8];
  uint32_t version;
  uint32_t has_sums;  // 0 or 1.
  uint64_t tar_size;
  int64_t tar_mtime;
  uint64_t num_members;
  uint64_t name_bytes;
  uint64_t plan;
  uint64_t checksum;  // FNV-1a of the file, with this field 0.

  uint64_t entry_bytes() const;
  uint64_t sum_bytes() const;
};
static_assert(sizeof(IndexHeader) == 64);

struct Entry {
  uint64_t offset;
  uint64_t size;
  uint64_t name_end;  // Names lie one behind the other.
};
static_assert(sizeof(Entry) == 24);

constexpr char kMagic[8] = {'t', 'a', 'r', 'i', 'n', 'd', 'e', 'x'};
constexpr uint32_t kVersion = 3;

/// The sums of one file, behind the names; last of all stands that of the end.
struct FileSums {
  uint32_t headers;
  uint32_t payload;
  uint32_t padding;
};
static_assert(sizeof(FileSums) == 12);

uint64_t IndexHeader::entry_bytes() const { return num_members * sizeof(Entry); }

uint64_t IndexHeader::sum_bytes() const {
  return has_sums == 0 ? 0 : num_members * sizeof(FileSums) + sizeof(TarSums::end);
}

uint64_t checksum_of(IndexHeader header, std::span<const std::byte> rest) {
  header.checksum = 0;
  return fnv1a(rest, fnv1a(std::as_bytes(std::span(&header, 1))));
}

void put_sums(const TarSums& sums, std::byte* to) {
  for (const TarSums::File& file : sums.files) {
    const FileSums entry = {file.headers, file.payload, file.padding};
    std::memcpy(to, &entry, sizeof entry);
    to += sizeof entry;
  }
  std::memcpy(to, &sums.end, sizeof sums.end);
}

TarSums sums_from(const std::byte* from, uint64_t num_members) {
  TarSums sums;
  sums.files.reserve(num_members);
  for (uint64_t i = 0; i < num_members; ++i, from += sizeof(FileSums)) {
    FileSums entry;
    std::memcpy(&entry, from, sizeof entry);
    sums.files.push_back({entry.headers, entry.payload, entry.padding});
  }
  std::memcpy(&sums.end, from, sizeof sums.end);
  return sums;
}

std::vector<std::byte> to_bytes(const TarIndex& index) {
  const auto& [stamp, members] = index.contents;
  IndexHeader header = {{}, kVersion, index.sums ? 1U : 0U, stamp.size, stamp.mtime, members.size(), 0, index.plan, 0};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  for (const TarMember& member : members) header.name_bytes += member.name.size();
  std::vector<std::byte> bytes(sizeof header + header.entry_bytes() + header.name_bytes + header.sum_bytes());

  std::byte* entry_to = bytes.data() + sizeof header;
  std::byte* const names = entry_to + header.entry_bytes();
  uint64_t name_end = 0;
  for (const TarMember& member : members) {
    std::memcpy(names + name_end, member.name.data(), member.name.size());
    name_end += member.name.size();
    const Entry entry = {member.offset, member.size, name_end};
    std::memcpy(entry_to, &entry, sizeof entry);
    entry_to += sizeof entry;
  }
  if (index.sums) put_sums(*index.sums, names + header.name_bytes);
  header.checksum = checksum_of(header, std::span(bytes).subspan(sizeof header));
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

/// A header that a file of `size` bytes can have. Asked before memory of that size is taken.
bool is_possible(const IndexHeader& header, uint64_t size) {
  if (size < sizeof header || std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.version != kVersion ||
      header.has_sums > 1)
    return false;
  uint64_t rest = size - sizeof header;
  if (header.num_members > rest / sizeof(Entry)) return false;
  rest -= header.entry_bytes();
  return header.sum_bytes() <= rest && header.name_bytes == rest - header.sum_bytes();
}

std::optional<TarIndex> from_bytes(const IndexHeader& header, std::span<const std::byte> rest) {
  if (header.checksum != checksum_of(header, rest)) return std::nullopt;
  TarIndex index{{{header.tar_size, header.tar_mtime}, {}}, std::nullopt, header.plan};
  auto& members = index.contents.members;
  members.reserve(header.num_members);
  const auto* names = reinterpret_cast<const char*>(rest.data() + header.entry_bytes());
  uint64_t name_begin = 0;
  for (uint64_t i = 0; i < header.num_members; ++i) {
    Entry entry;
    std::memcpy(&entry, rest.data() + i * sizeof entry, sizeof entry);
    if (entry.name_end < name_begin || entry.name_end > header.name_bytes || entry.offset > header.tar_size ||
        entry.size > header.tar_size - entry.offset)
      return std::nullopt;
    members.push_back({{names + name_begin, entry.name_end - name_begin}, entry.offset, entry.size});
    name_begin = entry.name_end;
  }
  if (header.has_sums != 0)
    index.sums = sums_from(rest.data() + header.entry_bytes() + header.name_bytes, header.num_members);
  return index;
}

bool read_all(int fd, std::span<std::byte> to) {
  while (!to.empty()) {
    const auto got = detail::retry_interrupted([&] { return ::read(fd, to.data(), to.size()); });
    if (got <= 0) return false;
    to = to.subspan(static_cast<size_t>(got));
  }
  return true;
}

/// Opens the file at an index's path; nothing if there is no file.
std::optional<OwnedFd> open_index(const std::string& path) {
  try {
    return detail::open_regular(path);
  } catch (const std::runtime_error&) {
    return std::nullopt;
  }
}

/// The index of a file in the state `wanted`, or in any without one.
std::optional<TarIndex> load(const std::string& tar, const std::optional<FileStamp>& wanted) {
  const std::string path = tar_index_path(tar);
  const std::optional<OwnedFd> file = open_index(path);
  if (!file) return std::nullopt;
  const FileStamp stamp = stamp_of(file->get(), path);
  IndexHeader header;
  if (!read_all(file->get(), std::as_writable_bytes(std::span(&header, 1))) || !is_possible(header, stamp.size))
    return std::nullopt;
  if (wanted && *wanted != FileStamp{header.tar_size, header.tar_mtime}) return std::nullopt;
  // Each member has a header in the tar file, and its name; an index that is larger than both would take memory for
  // nothing.
  if (stamp.size / 2 > header.tar_size) return std::nullopt;
  std::vector<std::byte> rest(stamp.size - sizeof header);
  if (!read_all(file->get(), rest)) return std::nullopt;
  return from_bytes(header, rest);
}

}  // namespace

std::string tar_index_path(const std::string& tar) { return tar + ".index"; }

TarContents open_tar_index(const std::string& given) {
  const std::string tar = detail::user_path(given);
  const OwnedFd file = open_tar(tar);
  std::optional<TarIndex> kept = load(tar, stamp_of(file.get(), tar));
  if (kept) return std::move(kept->contents);
  TarIndex index{scan_tar(file.get(), tar), std::nullopt, 0};
  try {
    save_tar_index(tar, file.get(), index);
  } catch (const SyscallError&) {
    // A folder that is read-only or full: the next one scans as well.
  }
  return std::move(index.contents);
}

std::optional<TarIndex> load_tar_index(const std::string& tar) { return load(detail::user_path(tar), std::nullopt); }

void save_tar_index(const std::string& tar, int fd, const TarIndex& index) {
  struct stat status = {};
  MILLRACE_SYSCALL(::fstat(fd, &status), tar);
  NewFile file(tar_index_path(detail::user_path(tar)));
  file.allow_readers_of(status);  // Names of files are for whom the files are for.
  file.write(to_bytes(index));
  file.commit_to_disk();
}

}  // namespace millrace
