#pragma once

#include <cstdint>

namespace millrace::image {

/// What a pixel of a resized picture is made of: the nearest pixel of the other, or those within one (kBilinear, a
/// triangle) or two (kBicubic, which also sharpens a little) pixels of the smaller of both pictures.
enum class ResizeFilter : uint8_t { kNearest, kBilinear, kBicubic };

}  // namespace millrace::image
