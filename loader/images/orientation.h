#pragma once

#include <cstddef>
#include <span>

#include "millrace/loader/images/image.h"

namespace millrace::image {

/// The orientation that EXIF data of a JPEG, PNG, WebP or TIFF file tells, 1 to 8; 1, the right way up, where there is
/// none. Never throws: what cannot be read is none.
int exif_orientation(std::span<const std::byte> file);

/// Turns what a file of that orientation holds the right way up, as Pillow's ImageOps.exif_transpose. 5 to 8 exchange
/// height and width.
void turn_upright(const Image& stored, int orientation, Image& upright);

}  // namespace millrace::image
