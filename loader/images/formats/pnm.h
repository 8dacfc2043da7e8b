#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "millrace/loader/images/formats/reader.h"

namespace millrace::image {

/// PBM, PGM and PPM by a reader of our own, as text or binary (P1 to P6). Values are scaled from the file's maximum to
/// 255; as numbers they are left as they are.
std::unique_ptr<FormatReader> open_pnm(std::span<const std::byte> file);

/// True when the bytes begin as a PBM, PGM or PPM does.
bool looks_like_pnm(std::span<const std::byte> file);

}  // namespace millrace::image
