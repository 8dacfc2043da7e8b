#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "millrace/loader/images/formats/reader.h"

namespace millrace::image {

/// The first page of a TIFF or BigTIFF by libtiff: unsigned integers of 1 to 16 bits as gray, palette, RGB, CMYK or
/// YCbCr, with or without alpha, in strips or tiles, chunky or planar, by every compression that libtiff has. The
/// colours of premultiplied alpha are divided by it, as Pillow does.
std::unique_ptr<FormatReader> open_tiff(std::span<const std::byte> file);

}  // namespace millrace::image
