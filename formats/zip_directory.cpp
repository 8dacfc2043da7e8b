#include "millrace/formats/zip_directory.h"

#include <cstring>
#include <stdexcept>
#include <string_view>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace::detail {
namespace {

[[noreturn]] void refuse_zip(const std::string& why) { throw std::runtime_error(why); }

/// A piece of the archive whose numbers are asked for by their places.
class Record {
 public:
  /// Refuses a record of which the archive has only a part.
  Record(std::span<const std::byte> archive, uint64_t at, uint64_t size, const char* what) : at_(at), what_(what) {
    if (at > archive.size() || size > archive.size() - at)
      refuse_zip("ends in its " + std::string(what) + " at byte " + std::to_string(at) + "; write or copy it again");
    bytes_ = archive.subspan(at, size);
  }

  template <class T>
  T number(size_t place) const {
    T value;
    std::memcpy(&value, bytes_.data() + place, sizeof value);
    return value;
  }

  std::string_view text() const { return {reinterpret_cast<const char*>(bytes_.data()), bytes_.size()}; }

  void require_signature(uint32_t signature) const {
    if (number<uint32_t>(0) != signature)
      refuse_zip("has no " + std::string(what_) + " at byte " + std::to_string(at_) + "; write or copy it again");
  }

 private:
  std::span<const std::byte> bytes_;
  uint64_t at_;
  const char* what_;
};

constexpr uint32_t kFileHead = 0x04034b50, kEntry = 0x02014b50, kEnd = 0x06054b50, kEnd64 = 0x06064b50,
                   kLocator64 = 0x07064b50;
constexpr uint32_t kIn64 = 0xffffffff;  // The number stands in the part for zip64.

/// Where the directory is, and how many entries it has.
struct Directory {
  uint64_t begin;
  uint64_t end;
  uint64_t entries;
};

Directory find_directory(std::span<const std::byte> archive) {
  // The last record has a comment behind it, which NumPy does not write.
  constexpr uint64_t kEndBytes = 22, kLocatorBytes = 20, kEnd64Bytes = 56;
  if (archive.size() < kEndBytes) refuse_zip("is no archive, it has " + counted(archive.size(), "byte"));
  const uint64_t at = archive.size() - kEndBytes;
  const Record end(archive, at, kEndBytes, "last record");
  if (end.number<uint32_t>(0) != kEnd)
    refuse_zip("does not end as archives of NumPy do (a zip file without a comment); write or copy it again");
  Directory directory{end.number<uint32_t>(16), 0, end.number<uint16_t>(10)};
  uint64_t bytes = end.number<uint32_t>(12), end_at = at;
  if (at >= kLocatorBytes) {
    const Record locator(archive, at - kLocatorBytes, kLocatorBytes, "locator of zip64");
    if (locator.number<uint32_t>(0) == kLocator64) {
      const Record end64(archive, end_at = locator.number<uint64_t>(8), kEnd64Bytes, "last record of zip64");
      end64.require_signature(kEnd64);
      directory = {end64.number<uint64_t>(48), 0, end64.number<uint64_t>(32)};
      bytes = end64.number<uint64_t>(40);
    }
  }
  if (__builtin_add_overflow(directory.begin, bytes, &directory.end) || directory.end != end_at)
    refuse_zip("has a directory that does not end where its last record begins, at byte " + std::to_string(end_at) +
               "; write or copy it again");
  return directory;
}

/// Takes the 64-bit numbers that stand in the extra field, for those that did not fit.
void take_zip64(std::string_view extra, uint64_t* size, uint64_t* compressed, uint64_t* head) {
  while (extra.size() >= 4) {
    uint16_t id = 0, bytes = 0;
    std::memcpy(&id, extra.data(), sizeof id);
    std::memcpy(&bytes, extra.data() + 2, sizeof bytes);
    extra.remove_prefix(4);
    if (bytes > extra.size()) return;
    std::string_view numbers = extra.substr(0, bytes);
    for (uint64_t* number : {size, compressed, head}) {
      if (id != 1 || *number != kIn64 || numbers.size() < sizeof *number) continue;
      std::memcpy(number, numbers.data(), sizeof *number);
      numbers.remove_prefix(sizeof *number);
    }
    extra.remove_prefix(bytes);
  }
}

/// What the method makes of so many bytes at most. A larger size is a damaged archive, or one that is to fill the
/// memory.
bool is_possible(const ZipEntry& entry) {
  if (entry.method == ZipEntry::Method::kStored) return entry.size == entry.compressed;
  constexpr uint64_t kMostGain = 1032;  // Deflate's, of zlib's documentation.
  return entry.size / kMostGain <= entry.compressed;
}

ZipEntry::Method method_of(uint16_t code, const std::string& name) {
  switch (code) {
    case 0:
      return ZipEntry::Method::kStored;
    case 8:
      return ZipEntry::Method::kDeflated;
    default:
      refuse_zip("has " + in_quotes(name) + " compressed by method " + std::to_string(code) +
                 ", known are 0 and 8: write it with numpy.savez or savez_compressed");
  }
}

/// Where the file's bytes begin, behind its head, which repeats its name and method.
uint64_t bytes_behind_head(std::span<const std::byte> archive, uint64_t at, const ZipEntry& entry) {
  constexpr uint64_t kBytes = 30;
  const Record head(archive, at, kBytes, "head of a file");
  head.require_signature(kFileHead);
  const Record name(archive, at + kBytes, head.number<uint16_t>(26), "head of a file");
  if (name.text() != entry.name || head.number<uint16_t>(8) != static_cast<uint16_t>(entry.method))
    refuse_zip("has " + in_quotes(name.text()) + " at byte " + std::to_string(at) + ", where its directory has " +
               in_quotes(entry.name) + "; write or copy it again");
  return at + kBytes + head.number<uint16_t>(26) + head.number<uint16_t>(28);
}

}  // namespace

std::vector<ZipEntry> read_zip_directory(std::span<const std::byte> archive) {
  const Directory directory = find_directory(archive);
  const auto inside = archive.first(directory.end);
  std::vector<ZipEntry> entries;
  uint64_t at = directory.begin;
  while (at < directory.end) {
    constexpr uint64_t kBytes = 46;
    const Record record(inside, at, kBytes, "directory");
    record.require_signature(kEntry);
    const uint64_t name_bytes = record.number<uint16_t>(28), extra_bytes = record.number<uint16_t>(30);
    ZipEntry entry;
    entry.name = Record(inside, at + kBytes, name_bytes, "directory").text();
    entry.method = method_of(record.number<uint16_t>(10), entry.name);
    entry.crc = record.number<uint32_t>(16);
    entry.compressed = record.number<uint32_t>(20);
    entry.size = record.number<uint32_t>(24);
    uint64_t head = record.number<uint32_t>(42);
    take_zip64(Record(inside, at + kBytes + name_bytes, extra_bytes, "directory").text(), &entry.size,
               &entry.compressed, &head);
    if ((record.number<uint16_t>(8) & 1) != 0) refuse_zip("has " + in_quotes(entry.name) + " encrypted");
    entry.offset = bytes_behind_head(inside, head, entry);
    if (entry.offset > directory.begin || entry.compressed > directory.begin - entry.offset || !is_possible(entry))
      refuse_zip("promises " + counted(entry.size, "byte") + " of " + in_quotes(entry.name) + " in " +
                 std::to_string(entry.compressed) + " from byte " + std::to_string(entry.offset) +
                 " on, which cannot be; write or copy it again");
    entries.push_back(std::move(entry));
    at += kBytes + name_bytes + extra_bytes + record.number<uint16_t>(32);
  }
  if (entries.size() != directory.entries)
    refuse_zip("has " + counted(entries.size(), "file") + " of the " + std::to_string(directory.entries) +
               " that its last record promises; write or copy it again");
  return entries;
}

}  // namespace millrace::detail
