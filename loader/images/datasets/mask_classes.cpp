#include "millrace/loader/images/datasets/mask_classes.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <stdexcept>
#include <string>

namespace millrace::detail {
namespace {

constexpr int16_t kNone = -1;
constexpr int16_t kIgnored = 255;  // As in training/tasks/segmentation.h.
constexpr int64_t kLargest = 65535;

// "0, 128, 255", the rest of a long row left out.
template <class Numbers>
std::string few_of(const Numbers& numbers) {
  constexpr size_t kShown = 12;
  std::string text;
  size_t shown = 0;
  for (const auto number : numbers) {
    if (shown++ == kShown) return text + ", …";
    text.append(text.empty() ? "" : ", ").append(std::to_string(number));
  }
  return text;
}

// The class of each number from 0 on.
std::vector<int16_t> table_of(const std::vector<int64_t>& values) {
  std::vector<int16_t> classes(static_cast<size_t>(std::max<int64_t>(*std::ranges::max_element(values), kIgnored)) + 1,
                               kNone);
  classes[kIgnored] = kIgnored;
  for (size_t i = 0; i < values.size(); ++i) classes[static_cast<size_t>(values[i])] = static_cast<int16_t>(i);
  return classes;
}

}  // namespace

void require_mask_values(const std::vector<int64_t>& values) {
  const auto refuse = [](const std::string& what) { throw std::invalid_argument("mask_values: " + what); };
  if (std::ssize(values) > kIgnored)
    refuse(std::to_string(values.size()) + " classes, where masks have " + std::to_string(kIgnored) + " at most");
  std::set<int64_t> seen;
  for (const int64_t value : values) {
    if (value < 0 || value > kLargest)
      refuse(std::to_string(value) + " is no number of a picture: these are 0 to " + std::to_string(kLargest));
    if (!seen.insert(value).second) refuse(std::to_string(value) + " stands for two classes: name it once");
  }
}

std::vector<uint8_t> classes_of(std::span<const uint16_t> numbers, image::Size size,
                                const std::vector<int64_t>& values) {
  const std::vector<int16_t> table = table_of(values);
  const auto class_of = [&](uint16_t number) { return number < table.size() ? table[number] : kNone; };
  if (const auto wrong = std::ranges::find(numbers, kNone, class_of); wrong != numbers.end()) {
    const auto at = wrong - numbers.begin();
    throw std::runtime_error("the number " + std::to_string(*wrong) + " at row " + std::to_string(at / size.width) +
                             ", column " + std::to_string(at % size.width) + " is no class: the mask holds " +
                             few_of(std::set<uint16_t>(numbers.begin(), numbers.end())) + ", and the classes are " +
                             few_of(values) +
                             "; list the numbers of all classes in mask_values, that of class 0 first, or raise "
                             "'classes', how many there are");
  }
  std::vector<uint8_t> classes(numbers.size());
  std::ranges::transform(numbers, classes.begin(),
                         [&](uint16_t number) { return static_cast<uint8_t>(class_of(number)); });
  return classes;
}

}  // namespace millrace::detail
