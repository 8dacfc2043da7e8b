#pragma once

#include <string>

#include "millrace/plots/picture.h"

namespace millrace::plots {

/// The picture as the bytes of a PNG file. Throws std::invalid_argument as require_whole(), std::runtime_error.
std::string to_png(const Picture& picture);

}  // namespace millrace::plots
