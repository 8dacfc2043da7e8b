#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/loader/datasets/tar_scan.h"

// Sums of all bytes of a tar file, by which damage is found that a scan cannot see: a scan reads headers, and what a
// flipped bit makes of a payload is another payload.
namespace millrace {

/// The CRC-32C of each region of a tar file. The regions cover it: every byte is in exactly one.
struct TarSums {
  /// The regions of one file. All are empty for a hard link, whose bytes are those of the file that it names.
  struct File {
    uint32_t headers = 0;  ///< From the end of the file before: headers, and whatever is no regular file.
    uint32_t payload = 0;  ///< The file's own bytes.
    uint32_t padding = 0;  ///< What fills up the last block.

    bool operator==(const File&) const = default;
  };

  std::vector<File> files;  ///< As many as there are members, in their order.
  uint32_t end = 0;         ///< Of what lies behind the last file: the end-of-archive mark, and zeros.

  bool operator==(const TarSums&) const = default;
};

/// A region of a tar file.
struct TarRegion {
  enum class Kind : uint8_t { kHeaders, kPayload, kPadding, kEnd };

  Kind kind = Kind::kEnd;
  uint64_t begin = 0;
  uint64_t end = 0;   ///< One behind the last byte.
  size_t member = 0;  ///< The file that it belongs to, an index into the members; that of none for kEnd.
};

/// The regions of a tar file with these contents, in its order. Those of hard links are left out.
std::vector<TarRegion> regions_of(const TarContents& contents);

/// The sum of `region` among `sums`. REQUIRES: `region` is one of the contents that `sums` are of.
uint32_t sum_of(const TarSums& sums, const TarRegion& region);

/// Sums a region of a tar file that is open as `fd`; `path` is for messages. `buffer` is used again from call to call.
/// Throws TarError when the file ends before the region does, SyscallError.
uint32_t sum_region(int fd, const std::string& path, const TarRegion& region, std::string& buffer);

/// Reads all of a tar file with these contents, and sums it. Throws as sum_region().
TarSums sum_tar(int fd, const std::string& path, const TarContents& contents);

}  // namespace millrace
