#include "millrace/loader/images/transforms/expected.h"

#include <cmath>

#include "millrace/loader/images/transforms/text.h"

namespace millrace::transforms {

std::string expected_in(forms::Plain, bool) { return "true or false"; }
std::string expected_in(forms::Plain, int) { return "an integer"; }
std::string expected_in(forms::Plain, double) { return "a number"; }
std::string expected_in(forms::Plain, const std::pair<double, double>&) { return "two numbers, [low, high]"; }
std::string expected_in(forms::Plain, const image::Size&) { return "pixels, the side of a square or [height, width]"; }
std::string expected_in(forms::Plain, const image::Borders&) {
  return "pixels, one number, [left and right, top and bottom] or [left, top, right, bottom]";
}
std::string expected_in(forms::Plain, const std::vector<double>&) { return "a list of numbers"; }

std::string expected_in(forms::Channels, const std::vector<uint8_t>&) {
  return "a value from 0 to 255, or a list with one for each channel";
}
std::string expected_in(forms::Channels, const std::vector<float>&) {
  return "a list of numbers, one for all channels or one for each";
}
std::string expected_in(forms::Kernel, const image::Size&) {
  return "pixels, odd: the side of a square or [height, width]";
}
std::string expected_in(forms::Shorter, const image::Size&, bool) {
  return "pixels, the shorter side or [height, width]";
}
std::string expected_in(forms::Symmetric, const std::pair<double, double>&) {
  return "a number x for [-x, x], or [low, high]";
}
std::string expected_in(forms::Factors, const std::pair<double, double>&) {
  return "a number x for factors from 1 - x to 1 + x, or [low, high]";
}
std::string expected_in(forms::Turns, const std::pair<double, double>&) {
  return "turns, a number x for [-x, x], or [low, high]";
}
std::string expected_in(forms::Shear, const std::pair<double, double>&, const std::pair<double, double>&) {
  return "degrees, a number x for [-x, x], [low, high], or four numbers, along x and along y";
}

std::string text_of_bounds(double low, double high) {
  if (std::isfinite(high)) return ", from " + text_of(low) + " to " + text_of(high);
  return std::isfinite(low) ? ", at least " + text_of(low) : "";
}

}  // namespace millrace::transforms
