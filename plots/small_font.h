#pragma once

#include <cstddef>

namespace millrace::plots {

/// Letters of five by seven pixels and two below the line, with a column between them: enough to name a picture,
/// without a library and files of fonts.
inline constexpr size_t kGlyphWidth = 6, kGlyphHeight = 9;

/// Whether a pixel of a character has ink; a box for what is no printable ASCII. REQUIRES: row < kGlyphHeight, column <
/// kGlyphWidth.
bool is_ink(char character, size_t row, size_t column);

}  // namespace millrace::plots
