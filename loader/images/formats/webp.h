#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "millrace/loader/images/formats/reader.h"

namespace millrace::image {

/// WebP by libwebp, lossy or lossless; of an animation the first frame, on black where it does not cover the canvas.
std::unique_ptr<FormatReader> open_webp(std::span<const std::byte> file);

}  // namespace millrace::image
