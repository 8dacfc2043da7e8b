#pragma once

#include <cstddef>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// Creates an anonymous shared-memory file of `bytes` bytes (rounded up to whole pages by the kernel) with all its
/// memory allocated, and seals its size: neither side can later make the other fault by truncating it. `label` shows in
/// /proc/PID/maps; it is no name and leaves nothing behind. Throws SyscallError.
///
/// Does not ask whether the memory is there; memory/segment.h does.
OwnedFd create_memfd(const char* label, size_t bytes);

/// Creates an empty anonymous file in memory for write(): it grows, and may not be mapped by anybody who does not trust
/// the others. Throws SyscallError.
OwnedFd create_growing_memfd(const char* label);

/// Size of a memfd received from elsewhere. Throws std::runtime_error unless its size is sealed.
size_t sealed_size(int memfd);

}  // namespace millrace
