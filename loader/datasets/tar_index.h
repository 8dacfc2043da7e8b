#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "millrace/loader/datasets/tar_scan.h"
#include "millrace/loader/datasets/tar_sums.h"

// The contents of a tar file, kept in a small file beside it, so that it need not be scanned again. docs/tar_shards.md
// has the format.
namespace millrace {

/// The path of a tar file's index: "x.tar.index" for "x.tar".
std::string tar_index_path(const std::string& tar);

/// The contents of `tar`, from its index when that was made of the file as it is now (size and time of modification).
/// Otherwise the file is scanned, and the result kept as the index, if this user may write there and there is room: an
/// index saves time and is never needed. Any number of processes may do so at the same time. Throws TarError.
TarContents open_tar_index(const std::string& tar);

/// All that an index says.
struct TarIndex {
  TarContents contents;
  std::optional<TarSums> sums;  ///< Where its maker had read every byte: TarShardWriter has, open_tar_index() not.
  uint64_t plan = 0;            ///< What TarShardWriterOptions::plan was; 0 where none was given.

  bool operator==(const TarIndex&) const = default;
};

/// What the index beside `tar` says, whatever the state of `tar` itself. Nothing when there is none, it is damaged, or
/// is of another version.
std::optional<TarIndex> load_tar_index(const std::string& tar);

/// Writes the index beside `tar`, whole or not at all, to the disk, for those who may read `tar` and nobody else. `fd`
/// is `tar`, open; it need not have that name yet. Throws SyscallError.
void save_tar_index(const std::string& tar, int fd, const TarIndex& index);

}  // namespace millrace
