#pragma once

#include <cstdint>

namespace millrace::image {

/// JPEGs that this thread has read though they are damaged where it looked at them (DamagedJpegs::kRead). The number
/// only goes up. JpegReader writes it; to count for LoaderStats, a reader compares it before and after.
inline thread_local constinit uint64_t damaged_jpegs_read = 0;

}  // namespace millrace::image
