#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// The size and time by which two states of a file are told apart. A change that keeps the size within one tick of the
/// file's time is not seen.
struct FileStamp {
  uint64_t size = 0;  ///< Bytes.
  int64_t mtime = 0;  ///< Nanoseconds since 1970.

  bool operator==(const FileStamp&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size, mtime);
  }
};

/// The stamp of an open file; `path` is for the message. Throws SyscallError.
FileStamp stamp_of(int fd, const std::string& path);

/// The stamp of what lies at `path`, without opening it; nothing where there is nothing that this user may look at.
std::optional<FileStamp> stamp_at(const std::string& path);

namespace detail {

/// A path as users write it: "~" and "~user" at its beginning are home folders, as in a shell and in Python's
/// expanduser(); "~user" of no user stays as it is. Throws std::invalid_argument for a path with a NUL, behind which
/// the kernel would not read.
std::string user_path(const std::string& path);

/// Opens a file for reading without waiting for another process: a FIFO, a socket or a device is refused. Throws
/// std::system_error whose what() is only errno's text and the limit behind it, std::runtime_error "a FIFO, not a
/// regular file".
OwnedFd open_regular(const std::string& path);

/// The bytes of a file that is read whole. Throws as open_regular(), and std::runtime_error for a file of more than
/// `most` bytes, before any is read, and for one that changes meanwhile.
std::string read_regular(const std::string& path, size_t most);

}  // namespace detail
}  // namespace millrace
