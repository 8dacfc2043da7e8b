#pragma once

#include <cstdint>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/loader/images/image.h"

/// What the constructors of transforms ask of their parameters. `who` is the transform's name, `what` the parameter's;
/// all throw std::invalid_argument that says what was expected and what was given.
namespace millrace::transforms {

/// The longest side of a picture, more than any decoder of ours gives. It keeps products of sides within 64 bits and
/// buffers within reason.
constexpr int kLargestSide = 1 << 20;

void check_size(std::string_view who, image::Size size);

/// Throws unless 0 < low <= high < infinity.
void check_range(std::string_view who, std::string_view what, std::pair<double, double> range);

/// Throws unless low <= high, both finite.
void check_ordered(std::string_view who, std::string_view what, std::pair<double, double> range);

void check_probability(std::string_view who, double p);

/// Throws unless there is one value for all channels or one for each of three.
void check_values(std::string_view who, std::string_view what, const std::vector<uint8_t>& values);

/// The error "RandomErasing: scale must be {low, high} with 0 <= low <= high <= 1, got {2, 1}".
std::invalid_argument range_error(std::string_view who, std::string_view what, std::string_view bounds,
                                  std::pair<double, double> range);

}  // namespace millrace::transforms
