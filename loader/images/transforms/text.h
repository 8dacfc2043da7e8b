#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/fields.h"

/// Values of fields, and transforms, as text for messages and lists.
namespace millrace::transforms {

class Chain;

/// The number as std::ostream writes it: 0.08, 9, 1e+06.
std::string text_of(double value);
std::string text_of(int value);
std::string text_of(bool value);
std::string text_of(const image::Size& size);
std::string text_of(const image::Borders& borders);
std::string text_of(const std::pair<double, double>& range);
/// The values as a list: "0", "{1, 2, 3}", "none".
std::string text_of(const std::vector<uint8_t>& values);
std::string text_of(const std::vector<float>& values);
std::string text_of(const std::vector<double>& values);
std::string text_of(const Chain& chain);
std::string text_of(const std::vector<Chain>& chains);

std::string text_of(const std::pair<double, double>& along_x, const std::pair<double, double>& along_y);

/// The word for an enumeration's value. Throws std::logic_error for a value without one.
template <class Enum>
  requires std::is_enum_v<Enum>
std::string text_of(Enum value) {
  for (const auto& [word, named] : Words<Enum>::kAll)
    if (named == value) return std::string(word);
  throw std::logic_error("a value of an enumeration that has no word in Words");
}

/// The members of a field, as its form writes them.
template <class Form, class... Members>
std::string text_in(Form, const Members&... members) {
  return text_of(members...);
}
/// The size, or the shorter side alone where only that counts.
std::string text_in(forms::Shorter, const image::Size& size, bool is_shorter_side);

/// The values of those fields that are shown, "3, 0.5".
template <class T>
std::string shown_fields(const T& owner) {
  std::string text;
  for_each_field<T>([&](const auto& field) {
    using Form = typename std::decay_t<decltype(field)>::Form;
    constexpr bool kHasText = !std::is_same_v<Form, forms::Nested> && !std::is_same_v<Form, forms::Word> &&
                              !std::is_same_v<Form, forms::Hidden>;
    if constexpr (kHasText) {
      if (!field.is_shown) return;
      text.append(text.empty() ? "" : ", ");
      text.append(field.visit(owner, [](const auto&... member) { return text_in(Form(), member...); }));
    }
  });
  return text;
}

}  // namespace millrace::transforms
