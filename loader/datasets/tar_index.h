#pragma once

#include <optional>
#include <string>

#include "millrace/loader/datasets/tar_scan.h"

// The contents of a tar file, kept in a small file beside it, so that it need not be scanned again. docs/tar_shards.md
// has the format.
namespace millrace {

/// The path of a tar file's index: "x.tar.index" for "x.tar".
std::string tar_index_path(const std::string& tar);

/// The contents of `tar`, from its index when that was made of the file as it is now (size and time of modification).
/// Otherwise the file is scanned, and the result kept as the index, if this user may write there and there is room: an
/// index saves time and is never needed. Any number of processes may do so at the same time. Throws TarError.
TarContents open_tar_index(const std::string& tar);

/// What the index beside `tar` says, whatever the state of `tar` itself. Nothing when there is none, it is damaged, or
/// is of another version.
std::optional<TarContents> load_tar_index(const std::string& tar);

/// Writes the index beside `tar`, whole or not at all, for those who may read `tar` and nobody else.
/// Throws SyscallError.
void save_tar_index(const std::string& tar, const TarContents& contents);

}  // namespace millrace
