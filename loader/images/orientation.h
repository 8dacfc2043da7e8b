#pragma once

#include <cstddef>
#include <span>

#include "millrace/loader/images/image.h"

namespace millrace::image {

/// The orientation that EXIF data of a JPEG, PNG, WebP or TIFF file tells, 1 to 8; without it 1, the right way up.
/// Never throws: EXIF data that cannot be read counts as none.
int exif_orientation(std::span<const std::byte> file);

/// Turns a picture that is stored with that orientation the right way up, as Pillow's ImageOps.exif_transpose. The
/// orientations 5 to 8 exchange height and width.
void turn_upright(const Image& stored, int orientation, Image& upright);

}  // namespace millrace::image
