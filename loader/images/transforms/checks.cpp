#include "millrace/loader/images/transforms/checks.h"

#include <cmath>
#include <sstream>
#include <string>

namespace millrace::transforms {

void check_size(std::string_view who, image::Size size) {
  if (size.height < 1 || size.width < 1 || size.height > kLargestSide || size.width > kLargestSide) {
    throw std::invalid_argument(std::string(who) + ": size must be 1.." + std::to_string(kLargestSide) +
                                " pixels a side, got " + to_string(size));
  }
}

std::invalid_argument range_error(std::string_view who, std::string_view what, std::string_view bounds,
                                  std::pair<double, double> range) {
  std::ostringstream text;
  text << who << ": " << what << " must be {low, high} with " << bounds << ", got {" << range.first << ", "
       << range.second << "}";
  return std::invalid_argument(text.str());
}

void check_range(std::string_view who, std::string_view what, std::pair<double, double> range) {
  if (!(range.first > 0 && range.first <= range.second && std::isfinite(range.second)))
    throw range_error(who, what, "0 < low <= high", range);
}

void check_ordered(std::string_view who, std::string_view what, std::pair<double, double> range) {
  if (!(std::isfinite(range.first) && range.first <= range.second && std::isfinite(range.second)))
    throw range_error(who, what, "low <= high", range);
}

void check_probability(std::string_view who, double p) {
  if (!(p >= 0 && p <= 1)) {
    throw std::invalid_argument(std::string(who) + ": p must be a probability, 0..1, got " + std::to_string(p));
  }
}

void check_values(std::string_view who, std::string_view what, const std::vector<uint8_t>& values) {
  if (values.size() != 1 && values.size() != 3) {
    throw std::invalid_argument(std::string(who) + ": " + std::string(what) +
                                " is one value, or three for the channels; got " + std::to_string(values.size()));
  }
}

}  // namespace millrace::transforms
