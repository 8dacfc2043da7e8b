#pragma once

#include <cstdint>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// Read locks on byte ranges of a file, held by one *opening* of it (Linux's open file description locks). They make a
/// reference count that no crash can spoil: the kernel takes a lock back when the last descriptor and the last mapping
/// of its opening are gone, be that in a process that was killed or in a message that nobody received.
///
/// Duplicates of a descriptor, and the copies that fork() and sockets make, are the same opening; open_again() makes
/// another. Any number of openings may lock the same bytes. Nothing here blocks.

/// Opens the file behind `fd` anew, for reading and writing. Needs /proc. Throws SyscallError.
OwnedFd open_again(int fd);

/// Locks the range for the opening behind `fd`. Locking bytes twice is locking them once. Throws SyscallError.
void lock_range(int fd, uint64_t offset, uint64_t bytes);

/// Takes the lock back. When the kernel cannot (it may need memory to cut a range in two) the range stays locked.
void unlock_range(int fd, uint64_t offset, uint64_t bytes) noexcept;

/// Whether another opening than the one behind `fd` has locked some of the range. Throws SyscallError.
bool is_locked_elsewhere(int fd, uint64_t offset, uint64_t bytes);

}  // namespace millrace
