#pragma once

#include <cstdint>
#include <string>

namespace millrace {

/// Throws SyscallError if `ulimit -f` forbids a file, or a piece of shared memory, of that size; `what` says whose. To
/// be called before it is made, since the kernel does not only fail the call but ends the process by SIGXFSZ.
void require_file_size(uint64_t bytes, const std::string& what);

}  // namespace millrace
