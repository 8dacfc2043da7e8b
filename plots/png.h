#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "millrace/plots/picture.h"

namespace millrace::plots {

/// The picture as the bytes of a PNG file. Throws std::invalid_argument as require_whole(), std::runtime_error.
std::string to_png(const Picture& picture);

/// The same of a gray picture of 16 bits, row by row. REQUIRES: height times width pixels, at least one.
std::string to_deep_png(int height, int width, std::span<const uint16_t> pixels);

}  // namespace millrace::plots
