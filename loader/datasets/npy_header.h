#pragma once

#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace millrace::detail {

/// What stands at the beginning of a .npy file (numpy.lib.format, versions 1 to 3).
struct NpyHeader {
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::vector<int64_t> shape;
  uint64_t offset = 0;  ///< Where the elements begin, in bytes of the file.
  uint64_t nbytes = 0;  ///< What the elements take. The file may have fewer.
};

/// Reads the header of a file, of which the beginning is enough. Throws std::runtime_error that says what is wrong and
/// what to do, without the file's name; it refuses what no tensor is made of: objects, texts, Fortran order.
NpyHeader read_npy_header(std::span<const std::byte> file);

}  // namespace millrace::detail
