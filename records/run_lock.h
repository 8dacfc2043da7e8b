#pragma once

#include <string>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace::records {

/// Keeps other processes out of a run's directory while it lives: what two of them write there would be neither's. It
/// is a lock on the file run.lock, which belongs to this process alone: its children have no part in it, and the kernel
/// takes it back when the process dies, however it dies. On a file system without locks nobody is kept out.
///
/// A process locks a directory once: a second lock of its own would succeed, and the first that ends would end both.
class RunLock {
 public:
  /// Throws std::runtime_error, with the number of the process that has it, where another one does; SyscallError.
  explicit RunLock(const std::string& folder);

 private:
  OwnedFd fd_;
};

}  // namespace millrace::records
