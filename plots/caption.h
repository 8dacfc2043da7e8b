#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace millrace::plots {

/// A text in letters of the small font, cut into lines of so many letters at most, at line feeds, spaces and where a
/// line is full; "..." ends the last of `most` lines where there would be more. A character that the font has not is
/// \x7f, which it draws as a box. REQUIRES: at least four letters.
std::vector<std::string> caption_lines(const std::string& text, size_t letters, size_t most);

}  // namespace millrace::plots
