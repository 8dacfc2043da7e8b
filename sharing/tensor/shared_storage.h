#pragma once

#include <c10/core/Storage.h>

#include "millrace/sharing/memory/shared_block.h"

namespace millrace {

/// Storages whose bytes are a SharedBlock, or that have no bytes. A block is one storage in a process, however often it
/// arrives, so tensors that alias at the sender alias here.
///
/// All functions may be called from any thread, but moving a storage while another thread reads its data is a race, as
/// with every change of a tensor.

/// Moves the storage's bytes to shared memory, in place: every tensor that has the storage follows, and it cannot be
/// resized any more. Does nothing when they are there. REQUIRES: the storage is on the CPU. Throws OutOfSharedMemory,
/// SyscallError, or c10::Error when it has no memory to move.
void move_to_shared_memory(const c10::Storage& storage);

bool is_in_shared_memory(const c10::Storage& storage);

/// The block of a storage; empty for a storage of no bytes. REQUIRES: is_in_shared_memory(storage).
SharedBlock block_of(const c10::Storage& storage);

/// The storage of a block that arrived; a storage of no bytes for an empty block. Throws nothing of its own.
c10::Storage storage_of(const SharedBlock& block);

}  // namespace millrace
