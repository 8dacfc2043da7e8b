#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace {

/// What a tar file is made of: headers and payloads begin at multiples of so many bytes.
constexpr uint64_t kTarBlock = 512;

/// A tar file that is no good: one line with the file, the byte, what is wrong there and what to do.
class TarError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

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

/// Opens a tar file for reading. Throws TarError when there is no such file or it is no regular one.
OwnedFd open_tar(const std::string& path);

/// Lists the regular files of a tar file in its order, from their headers alone: payload is not read. Knows V7, ustar,
/// pax (path, linkpath and size, local and global) and GNU's long names and large numbers. A hard link has the bytes of
/// the file before it that it names. Directories, symbolic links and devices are passed over. Behind an end-of-archive
/// mark another archive may follow (cat a.tar b.tar), whose files count too.
///
/// The scan is stricter than Python's tarfile and GNU tar where they would silently give less than there was. These are
/// errors: a header with a wrong checksum, a file that ends without the mark, bytes behind it that are no archive, hard
/// links to nothing, sparse files, and a file that changes meanwhile. Throws TarError.
TarContents scan_tar(const std::string& path);

/// Scans a file that is open already, as scan_tar(path) does; `path` is for messages.
TarContents scan_tar(int fd, const std::string& path);

}  // namespace millrace
