#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// A tar file that is no good: one line with the file, the byte, what is wrong there and what to do.
class TarError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What tells one state of a file from another.
struct FileStamp {
  uint64_t size = 0;  ///< Bytes.
  int64_t mtime = 0;  ///< Nanoseconds since 1970.

  bool operator==(const FileStamp&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size, mtime);
  }
};

/// Of an open file; `path` is for the message. Throws SyscallError.
FileStamp stamp_of(int fd, const std::string& path);

/// A regular file in a tar file: its path there, and where in the tar file its bytes are.
struct TarMember {
  std::string name;
  uint64_t offset = 0;
  uint64_t size = 0;

  bool operator==(const TarMember&) const = default;
};

/// Everything in a tar file that a loader wants to know. Offsets are checked against the stamp's size.
struct TarContents {
  FileStamp stamp;
  std::vector<TarMember> members;

  bool operator==(const TarContents&) const = default;
};

/// For reading. Throws TarError when there is no such file or it is no regular one.
OwnedFd open_tar(const std::string& path);

/// Lists the regular files of a tar file in its order, from their headers alone: payload is not read. Knows V7, ustar,
/// pax (path and size, local and global) and GNU's long names and large numbers. Directories, links and devices are
/// passed over, as is what follows the end-of-archive mark.
///
/// Stricter than Python's tarfile and GNU tar where they would silently give less than there was: a header with a wrong
/// checksum, a file that ends without the mark, and sparse files are errors. Throws TarError.
TarContents scan_tar(const std::string& path);

/// The same of a file that is open already; `path` is for messages.
TarContents scan_tar(int fd, const std::string& path);

}  // namespace millrace
