#pragma once

#include <c10/core/Storage.h>

#include "millrace/sharing/codec/archive.h"

namespace millrace::cuda {

/// The code by which the storage of a CUDA tensor travels; see ipc.h. A message carries one descriptor for each segment
/// of tokens (as a rule one), one for the process that owns the memory, and one for each piece of memory of
/// cuMemCreate(), which may be 2 MiB or 20 MiB large. A message takes 250 of these pieces.

/// Sends a storage. REQUIRES: the storage is on a CUDA device. Throws what ipc.h says.
void save_storage(EncodeArchive& archive, const c10::Storage& storage);
c10::Storage load_storage(DecodeArchive& archive);

}  // namespace millrace::cuda
