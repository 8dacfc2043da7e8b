#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace millrace::detail {

/// A file in a zip archive.
struct ZipEntry {
  enum class Method : uint16_t { kStored = 0, kDeflated = 8 };

  std::string name;
  Method method = Method::kStored;
  uint32_t crc = 0;         ///< CRC-32 of the file.
  uint64_t offset = 0;      ///< Where its bytes begin in the archive.
  uint64_t compressed = 0;  ///< How many bytes it takes there.
  uint64_t size = 0;        ///< How many it has.
};

/// The files of an archive, in the order of its directory (PKWARE's APPNOTE, with zip64). Every entry's bytes lie in
/// the archive, and no entry has a size that its method cannot have. Nothing is read but the directory and the head of
/// each file. Throws std::runtime_error that says what is wrong and where, without the archive's name.
std::vector<ZipEntry> read_zip_directory(std::span<const std::byte> archive);

}  // namespace millrace::detail
