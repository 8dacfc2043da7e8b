#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "millrace/loader/columns.h"
#include "millrace/plots/contact_sheet.h"

namespace millrace::training {

/// Whether the first column of a batch is pictures, {samples, channels, height, width}.
bool has_pictures(const Columns& batch);

/// Sample number `sample` of a batch of pictures, on any device, as a contact sheet shows it: with the class (of those
/// names) or the number that it has as caption, and with its boxes and mask; two pictures of a pair side by side.
/// Pictures of floats are stretched, so that the darkest pixel is black and the lightest one white. REQUIRES:
/// has_pictures(batch), and that it has that many samples.
plots::Exhibit exhibit_of(const Columns& batch, int64_t sample, const std::vector<std::string>& classes);

/// What a label says: the class of that number, or the number where no class has it.
std::string label_text(int64_t label, const std::vector<std::string>& classes);

}  // namespace millrace::training
