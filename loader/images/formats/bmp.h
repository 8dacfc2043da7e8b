#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "millrace/loader/images/formats/reader.h"

namespace millrace::image {

/// BMP by a reader of our own: palettes of 1, 2, 4 and 8 bits, RLE4 and RLE8, 16, 24 and 32 bits with channels wherever
/// bit fields put them, either direction, OS/2's headers too.
std::unique_ptr<FormatReader> open_bmp(std::span<const std::byte> file);

/// True when the bytes begin as a BMP does, with a header of a length that some version of the format has.
bool looks_like_bmp(std::span<const std::byte> file);

}  // namespace millrace::image
