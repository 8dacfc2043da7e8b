#pragma once

#include <string>
#include <vector>

#include "millrace/plots/picture.h"

namespace millrace::plots {

/// Something that is told of in words, below its name.
struct TextEntry {
  std::string name;
  std::vector<std::string> lines;  ///< Lines that are too long go on below; each takes four at most.
};

/// The entries one below the other, on one picture: a contact sheet of what is no picture. Letters beyond ASCII are
/// boxes. Throws std::invalid_argument for no entry.
Picture text_sheet(const std::vector<TextEntry>& entries);

}  // namespace millrace::plots
