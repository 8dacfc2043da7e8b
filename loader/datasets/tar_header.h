#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace millrace {

/// All that stands before the bytes of a regular file in a tar file, a multiple of kTarBlock: a ustar header, and
/// before it a pax header where the name has more than 100 bytes, the file 8 GiB or more, or the time does not fit.
/// Everything else is the same for all files: who may read, and whose it is. `mtime` is in seconds since 1970.
std::string tar_header(std::string_view name, uint64_t size, int64_t mtime);

}  // namespace millrace
