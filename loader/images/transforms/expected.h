#pragma once

#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/fields.h"

/// What a configuration may say for a field, in words, by the field's form and the types of its members.
namespace millrace::transforms {

std::string expected_in(forms::Plain, bool);
std::string expected_in(forms::Plain, int);
std::string expected_in(forms::Plain, double);
std::string expected_in(forms::Plain, const std::pair<double, double>& range);
std::string expected_in(forms::Plain, const image::Size& size);
std::string expected_in(forms::Plain, const image::Borders& borders);
std::string expected_in(forms::Plain, const std::vector<double>& values);
template <class Enum>
  requires std::is_enum_v<Enum>
std::string expected_in(forms::Plain, Enum) {
  std::string words;
  for (const auto& [word, named] : Words<Enum>::kAll) words.append(words.empty() ? "one of " : ", ").append(word);
  return words;
}

std::string expected_in(forms::Channels, const std::vector<uint8_t>& values);
std::string expected_in(forms::Channels, const std::vector<float>& values);
std::string expected_in(forms::Kernel, const image::Size& size);
std::string expected_in(forms::Shorter, const image::Size& size, bool is_shorter_side);
std::string expected_in(forms::Symmetric, const std::pair<double, double>& range);
std::string expected_in(forms::Factors, const std::pair<double, double>& range);
std::string expected_in(forms::Turns, const std::pair<double, double>& range);
std::string expected_in(forms::Shear, const std::pair<double, double>& along_x,
                        const std::pair<double, double>& along_y);

/// ", from 0 to 1", ", at least 1", or nothing.
std::string text_of_bounds(double low, double high);

}  // namespace millrace::transforms
