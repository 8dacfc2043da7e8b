#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "millrace/loader/images/formats/reader.h"

namespace millrace::image {

/// PNG by libpng: every colour type and depth, interlaced or not. Colour profiles, gamma and text are not looked at.
std::unique_ptr<FormatReader> open_png(std::span<const std::byte> file);

}  // namespace millrace::image
