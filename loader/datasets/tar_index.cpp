#include "millrace/loader/datasets/tar_index.h"

#include <fcntl.h>
#include <unistd.h>

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "millrace/loader/datasets/fnv.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

// The file is little-endian, and so is every machine that this library is for.
static_assert(std::endian::native == std::endian::little);

struct IndexHeader {
  char magic[8];
  uint32_t version;
  uint32_t reserved;
  uint64_t tar_size;
  int64_t tar_mtime;
  uint64_t num_members;
  uint64_t name_bytes;
  uint64_t checksum;  // FNV-1a of the file, with this field 0.
};
static_assert(sizeof(IndexHeader) == 56);

struct Entry {
  uint64_t offset;
  uint64_t size;
  uint64_t name_end;  // Names lie one behind the other.
};
static_assert(sizeof(Entry) == 24);

constexpr char kMagic[8] = {'t', 'a', 'r', 'i', 'n', 'd', 'e', 'x'};
constexpr uint32_t kVersion = 1;

uint64_t checksum_of(IndexHeader header, std::span<const std::byte> rest) {
  header.checksum = 0;
  return fnv1a(rest, fnv1a(std::as_bytes(std::span(&header, 1))));
}

std::vector<std::byte> to_bytes(const TarContents& contents) {
  IndexHeader header = {{}, kVersion, 0, contents.stamp.size, contents.stamp.mtime, contents.members.size(), 0, 0};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  for (const TarMember& member : contents.members) header.name_bytes += member.name.size();
  std::vector<std::byte> bytes(sizeof header + contents.members.size() * sizeof(Entry) + header.name_bytes);

  std::byte* entry_to = bytes.data() + sizeof header;
  std::byte* const names = entry_to + contents.members.size() * sizeof(Entry);
  uint64_t name_end = 0;
  for (const TarMember& member : contents.members) {
    std::memcpy(names + name_end, member.name.data(), member.name.size());
    name_end += member.name.size();
    const Entry entry = {member.offset, member.size, name_end};
    std::memcpy(entry_to, &entry, sizeof entry);
    entry_to += sizeof entry;
  }
  header.checksum = checksum_of(header, std::span(bytes).subspan(sizeof header));
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

std::optional<TarContents> from_bytes(std::span<const std::byte> bytes) {
  IndexHeader header;
  if (bytes.size() < sizeof header) return std::nullopt;
  std::memcpy(&header, bytes.data(), sizeof header);
  const auto rest = bytes.subspan(sizeof header);
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0 || header.version != kVersion ||
      header.num_members > rest.size() / sizeof(Entry) ||
      header.name_bytes != rest.size() - header.num_members * sizeof(Entry) ||
      header.checksum != checksum_of(header, rest))
    return std::nullopt;

  TarContents contents{{header.tar_size, header.tar_mtime}, {}};
  contents.members.reserve(header.num_members);
  const auto* names = reinterpret_cast<const char*>(rest.data() + header.num_members * sizeof(Entry));
  uint64_t name_begin = 0;
  for (uint64_t i = 0; i < header.num_members; ++i) {
    Entry entry;
    std::memcpy(&entry, rest.data() + i * sizeof entry, sizeof entry);
    if (entry.name_end < name_begin || entry.name_end > header.name_bytes || entry.offset > header.tar_size ||
        entry.size > header.tar_size - entry.offset)
      return std::nullopt;
    contents.members.push_back({{names + name_begin, entry.name_end - name_begin}, entry.offset, entry.size});
    name_begin = entry.name_end;
  }
  return contents;
}

}  // namespace

std::string tar_index_path(const std::string& tar) { return tar + ".index"; }

TarContents open_tar_index(const std::string& tar) {
  const OwnedFd file = open_tar(tar);
  std::optional<TarContents> kept = load_tar_index(tar);
  if (kept && kept->stamp == stamp_of(file.get(), tar)) return *std::move(kept);
  TarContents contents = scan_tar(file.get(), tar);
  try {
    save_tar_index(tar, contents);
  } catch (const SyscallError&) {
    // A folder that is read-only or full: the next one scans as well.
  }
  return contents;
}

std::optional<TarContents> load_tar_index(const std::string& tar) {
  const std::string path = tar_index_path(tar);
  const OwnedFd file(detail::retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); }));
  if (!file) return std::nullopt;
  std::vector<std::byte> bytes(stamp_of(file.get(), path).size);
  size_t done = 0;
  while (done < bytes.size()) {
    const auto got =
        detail::retry_interrupted([&] { return ::read(file.get(), bytes.data() + done, bytes.size() - done); });
    if (got <= 0) return std::nullopt;
    done += static_cast<size_t>(got);
  }
  return from_bytes(bytes);
}

void save_tar_index(const std::string& tar, const TarContents& contents) {
  NewFile file(tar_index_path(tar));
  file.write(to_bytes(contents));
  file.commit();
}

}  // namespace millrace
