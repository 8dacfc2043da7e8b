#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "millrace/loader/images/formats/reader.h"

namespace millrace::image {

/// The first frame of a GIF by giflib. What the frame does not cover has the transparent colour, or that of index 0, as
/// in Pillow.
std::unique_ptr<FormatReader> open_gif(std::span<const std::byte> file);

}  // namespace millrace::image
