#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "millrace/surveys/survey.h"

namespace millrace::surveys {

/// What the numbers in masks mean.
struct MaskNumbers {
  int64_t classes = 0;
  std::vector<int64_t> values;  ///< The number of each class, where numbers are not classes themselves.
};

/// Of numbers that masks hold, sorted: classes from 0 or 1 on, beside which 255 stands for none, as in PASCAL VOC, or a
/// number a class, whatever it is, as programs write that paint masks black and white.
MaskNumbers understand_numbers(const std::vector<int64_t>& numbers);

/// Reads masks, of many some that are evenly spread, and puts into the survey that they are learned, how many classes
/// they have and how many differ in size from their pictures, masks[i] being that of pictures[i]. Throws
/// std::runtime_error for a file that is no mask, where masks hold one number alone, and where none has its picture's
/// size.
MaskNumbers note_masks(const std::vector<std::string>& pictures, const std::vector<std::string>& masks, Survey& survey);

/// The key of a dataset that says it; nothing where numbers are classes.
std::optional<Line> line_of(const MaskNumbers& numbers);

}  // namespace millrace::surveys
