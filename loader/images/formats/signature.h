#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "millrace/loader/images/formats/reader.h"

namespace millrace::image {

bool looks_like_jpeg(std::span<const std::byte> file);

/// The reader of the one format whose signature the file begins with; JPEG is not among them. Which library sees the
/// bytes is decided here, and by these bytes alone. Throws std::runtime_error for every other file: "AVIF picture:
/// Millrace does not read this format; ..." where it is known, else "not an image: first bytes 68 65".
std::unique_ptr<FormatReader> open_by_signature(std::span<const std::byte> file);

}  // namespace millrace::image
