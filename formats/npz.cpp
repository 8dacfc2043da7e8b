#include "millrace/formats/npz.h"

#include <zlib.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <limits>
#include <optional>
#include <span>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/formats/zip_directory.h"
#include "millrace/loader/datasets/mapped_file.h"
#include "millrace/loader/datasets/npy_header.h"
#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

using detail::ZipEntry;

constexpr std::string_view kEnding = ".npy";

[[noreturn]] void refuse_array(const std::string& why) { throw std::runtime_error(why); }

/// Unpacks what deflate packed, as much as is wanted.
class Inflater {
 public:
  explicit Inflater(std::span<const std::byte> packed) : packed_(packed) {
    if (::inflateInit2(&stream_, -MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~Inflater() { ::inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Fills `to` with what comes next, and gives how much that was: less where the stream ends or is damaged.
  size_t take(std::span<std::byte> to) {
    constexpr size_t kMost = std::numeric_limits<uInt>::max();
    size_t done = 0;
    for (int result = Z_OK; result == Z_OK && done < to.size();) {
      const size_t in = std::min(packed_.size(), kMost), out = std::min(to.size() - done, kMost);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(packed_.data()));
      stream_.avail_in = static_cast<uInt>(in);
      stream_.next_out = reinterpret_cast<Bytef*>(to.data() + done);
      stream_.avail_out = static_cast<uInt>(out);
      result = ::inflate(&stream_, Z_NO_FLUSH);
      packed_ = packed_.subspan(in - stream_.avail_in);
      done += out - stream_.avail_out;
    }
    return done;
  }

 private:
  std::span<const std::byte> packed_;
  z_stream stream_ = {};
};

void require_checksum(const ZipEntry& entry, std::span<const std::byte> bytes) {
  const auto crc = ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  if (crc != entry.crc) refuse_array("has another checksum than its archive says; write or copy it again");
}

/// That an array's header promises the size that the archive says, before memory of that size is taken.
void require_size(const ZipEntry& entry, std::span<const std::byte> beginning) {
  const detail::NpyHeader header = detail::read_npy_header(beginning);
  if (entry.size < header.offset || entry.size - header.offset != header.nbytes)
    refuse_array("holds " + counted(entry.size, "byte") + ", its header promises " + std::to_string(header.nbytes) +
                 " behind its " + std::to_string(header.offset) + ": write or copy it again");
}

detail::SharedBytes unpack(const ZipEntry& entry, std::span<const std::byte> packed) {
  constexpr size_t kBeginning = size_t{1} << 16;  // More than headers of structured arrays take.
  std::vector<std::byte> beginning(std::min<size_t>(entry.size, kBeginning));
  beginning.resize(Inflater(packed).take(beginning));
  require_size(entry, beginning);
  return detail::SharedBytes::make("npz", entry.size, [&](std::byte* memory) {
    const std::span<std::byte> to(memory, entry.size);
    if (const size_t done = Inflater(packed).take(to); done < to.size())
      refuse_array("cannot be unpacked behind byte " + std::to_string(done) + " of " + std::to_string(to.size()) +
                   "; write or copy it again");
    require_checksum(entry, to);
  });
}

NpyArray open_array(const detail::MappedFile& file, const ZipEntry& entry) {
  const std::string name = file.path() + ":" + entry.name;
  const auto packed = file.bytes().subspan(entry.offset, entry.compressed);
  try {
    if (entry.method == ZipEntry::Method::kDeflated) {
      auto memory = unpack(entry, packed);
      return {name, std::move(memory)};
    }
    require_checksum(entry, packed);
    require_size(entry, packed);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("npz: " + in_quotes(name) + " " + error.what());
  }
  return {name, file, entry.offset, entry.size};
}

std::string name_of(const ZipEntry& entry) {
  return entry.name.ends_with(kEnding) ? entry.name.substr(0, entry.name.size() - kEnding.size()) : entry.name;
}

/// A name that comes twice.
std::optional<std::string> find_twice(std::vector<std::string> names) {
  std::sort(names.begin(), names.end());
  const auto twice = std::adjacent_find(names.begin(), names.end());
  return twice == names.end() ? std::nullopt : std::optional(*twice);
}

/// The array of that name. Throws with those that there are.
const ZipEntry& find_array(const std::vector<ZipEntry>& entries, const std::string& name) {
  std::string there;
  for (const ZipEntry& entry : entries) {
    if (name_of(entry) == name) return entry;
    there += (there.empty() ? "" : ", ") + printable(name_of(entry));
  }
  refuse_array("has no array " + in_quotes(name) + ", it has " + (there.empty() ? "none" : there));
}

}  // namespace

NpzArrays npz_arrays(const std::string& path, const std::vector<std::string>& names) {
  detail::MappedFile file;
  try {
    file = detail::MappedFile(path);
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("npz: " + std::string(error.what()));
  }
  NpzArrays opened{names, {}};
  std::vector<ZipEntry> chosen;
  try {
    const auto entries = detail::read_zip_directory(file.bytes());
    std::vector<std::string> there;
    for (const ZipEntry& entry : entries) there.push_back(name_of(entry));
    if (const auto twice = find_twice(there)) refuse_array("has two arrays " + in_quotes(*twice) + "; write it again");
    if (const auto twice = find_twice(names))
      refuse_array("is asked for array " + in_quotes(*twice) + " twice; name each once");
    if (std::find(names.begin(), names.end(), "") != names.end())
      refuse_array("is asked for an array with an empty name; name each");
    if (names.empty()) opened.names = std::move(there);
    for (const std::string& name : opened.names) chosen.push_back(find_array(entries, name));
    if (chosen.empty()) refuse_array("has no arrays: write it with numpy.savez");
  } catch (const std::runtime_error& error) {
    throw std::runtime_error("npz: " + in_quotes(file.path()) + " " + error.what());
  }
  for (const ZipEntry& entry : chosen) opened.arrays.push_back(open_array(file, entry));
  return opened;
}

NpyDataset npz_dataset(const std::string& path, const std::vector<std::string>& names) {
  NpzArrays opened = npz_arrays(path, names);
  return NpyDataset::of(std::move(opened.arrays), std::move(opened.names));
}

}  // namespace millrace
