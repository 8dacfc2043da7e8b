#pragma once

#include <string>

#include "millrace/loader/images/planes.h"

namespace millrace::packing {

/// The picture, three planes of red, green and blue, as a JPEG of that quality, 1 to 100, with colours at half the
/// resolution, as most have it. Throws std::runtime_error for a side of more than 65500 pixels.
std::string write_jpeg(const image::Planes& picture, int quality);

}  // namespace millrace::packing
