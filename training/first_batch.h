#pragma once

#include <optional>
#include <string>
#include <vector>

#include "millrace/loader/batch.h"

namespace millrace::training {

/// A PNG file, and its size in pixels. It has three channels.
struct SheetFile {
  int height = 0;
  int width = 0;
  std::string png;
};

/// A contact sheet of what a model is given, for a look at whether that is what was meant: the first 16 pictures of a
/// batch, on any device, with their classes (of those names) or numbers below, and with their boxes and masks; two
/// pictures of a pair side by side. Pictures of floats are stretched, so that the darkest pixel is black and the
/// lightest one white. Nothing where the batch's first field is no picture.
std::optional<SheetFile> first_batch_sheet(const Batch& batch, const std::vector<std::string>& classes);

}  // namespace millrace::training
