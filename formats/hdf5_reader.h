#pragma once

#include <sys/types.h>

#include <memory>
#include <string>
#include <vector>

#include "millrace/formats/hdf5_file.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/regular_file.h"

namespace millrace::detail {

/// An HDF5 file that is opened when it is first read, by each copy and in each process for itself: libhdf5's
/// identifiers are not to cross a fork. For one thread. Copies begin with nothing open.
class Hdf5Reader {
 public:
  Hdf5Reader() = default;
  Hdf5Reader(const Hdf5Reader& /*other*/) {}
  Hdf5Reader& operator=(const Hdf5Reader& other);

  /// The open file with these arrays. Throws std::runtime_error, with the file's name, when it cannot be opened.
  const Hdf5File& open(const std::string& path, const std::vector<std::string>& names);

  /// The state of the file that is open.
  FileStamp stamp(const std::string& path) const { return stamp_of(fd_.get(), path); }

 private:
  OwnedFd fd_;
  std::unique_ptr<Hdf5File> file_;
  pid_t opened_by_ = 0;
};

}  // namespace millrace::detail
