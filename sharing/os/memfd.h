#pragma once

#include <cstddef>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// Creates an anonymous shared-memory file of `bytes` bytes (rounded up to whole pages by the kernel) with all its
/// memory allocated, and seals its size: neither side can later make the other fault by truncating it. `label` shows in
/// /proc/PID/maps; it is no name and leaves nothing behind. Throws SyscallError.
///
/// The caller asks first whether there is enough memory, as memory/segment.h does.
OwnedFd create_memfd(const char* label, size_t bytes);

/// Creates an empty anonymous file in memory for write(): it grows, and may not be mapped by anybody who does not trust
/// the others. Throws SyscallError.
OwnedFd create_growing_memfd(const char* label);

/// Creates memory that is written once: its maker maps it, writes, unmaps it and calls freeze_memfd(). Otherwise as
/// create_memfd().
OwnedFd create_freezable_memfd(const char* label, size_t bytes);

/// Ends writing for everybody who has not mapped the memory for it already: the kernel refuses new mappings for
/// writing, write() and holes (F_SEAL_FUTURE_WRITE; F_SEAL_WRITE would refuse mappings for reading too, on kernels
/// before 6.7). Throws SyscallError.
void freeze_memfd(int memfd);

/// Whether freeze_memfd() was called for it. False for a file that is no memfd.
bool is_frozen(int memfd);

/// Whether neither its size nor its seals can change any more. False for a file that is no memfd.
bool has_sealed_size(int memfd);

/// The size of a memfd received from elsewhere. Throws std::runtime_error unless its size is sealed and its memory is
/// there: a reader of a memfd that only claims a size would pay for the memory.
size_t sealed_size(int memfd);

}  // namespace millrace
