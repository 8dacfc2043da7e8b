#pragma once

#include <string>
#include <string_view>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace::records {

/// A file that grows at its end and nowhere else. What append() is given is with the kernel when it returns, so a
/// program that is killed loses none of it; at most the last piece is there by half. Throws SyscallError. Not
/// thread-safe.
class AppendFile {
 public:
  /// Makes the file; one that is there is an error.
  static AppendFile make(std::string path);

  /// Goes on at the end of a file, which is made where there is none.
  static AppendFile open(std::string path);

  void append(std::string_view bytes);

  const std::string& path() const { return path_; }

 private:
  AppendFile(std::string path, int flags);

  std::string path_;
  OwnedFd fd_;
};

}  // namespace millrace::records
