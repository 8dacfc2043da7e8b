#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "millrace/loader/images/image.h"

/// Masks whose numbers are not their classes: many programs write 0 and 255 for two of them. values[i] is the number
/// that class i has in the files. 255, which training takes for "no class", stays what it is unless it is a value.
namespace millrace::detail {

/// Throws std::invalid_argument for values that occur twice, that no picture holds or that are too many for a mask.
void require_mask_values(const std::vector<int64_t>& values);

/// The classes of a mask's numbers, row by row. Throws std::runtime_error for a number that stands for no class, with
/// its place, all that the mask holds and the cure. REQUIRES: what require_mask_values() took.
std::vector<uint8_t> classes_of(std::span<const uint16_t> numbers, image::Size size,
                                const std::vector<int64_t>& values);

}  // namespace millrace::detail
