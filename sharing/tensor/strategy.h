#pragma once

#include <vector>

namespace millrace::multiprocessing {

/// Where tensors move when they are shared. Names and meaning follow PyTorch's, without its costs: neither strategy
/// spends a descriptor a tensor, and neither ever makes a name, so nothing is left to clean up even when every process
/// is killed at once, and no janitor process is needed.
enum class SharingStrategy {
  kFileDescriptor,  ///< Sealed anonymous memory (memfd); not bounded by the size of /dev/shm. The default.

  /// Files on the file system at /dev/shm, which bounds them (docker: --shm-size) and counts them. They are never
  /// linked into a directory (O_TMPFILE), where PyTorch's have names, which its janitor removes unless it is killed as
  /// well: so they cannot be opened by name, and the kernel frees them with their last user. They cannot be sealed, so
  /// a process that truncates one kills those who read it: only a process under this strategy, or started by one, takes
  /// such tensors, and only from files of its own user.
  kFileSystem,
};

/// Sets the strategy for tensors that this process shares from now on; tensors shared already stay where they are.
/// Thread-safe.
void set_sharing_strategy(SharingStrategy strategy);
SharingStrategy get_sharing_strategy();

/// The strategies that this system supports.
std::vector<SharingStrategy> get_all_sharing_strategies();

/// PyTorch's name of the strategy: "file_descriptor" or "file_system".
const char* to_string(SharingStrategy strategy);

}  // namespace millrace::multiprocessing
