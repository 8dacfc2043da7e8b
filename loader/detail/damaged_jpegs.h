#pragma once

#include <cstdint>

namespace millrace::image {

/// How many JPEGs this thread has read though they are damaged where it looked at them (DamagedJpegs::kRead). Goes up
/// only; JpegReader writes it, whoever counts for LoaderStats compares before and after.
inline thread_local constinit uint64_t damaged_jpegs_read = 0;

}  // namespace millrace::image
