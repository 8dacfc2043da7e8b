#include "millrace/loader/images/transforms/text.h"

#include <sstream>

namespace millrace::transforms {
namespace {

template <class Value>
std::string streamed(Value value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

template <class Values>
std::string in_braces(const Values& values) {
  if (values.empty()) return "none";
  std::string text;
  for (const auto value : values) text.append(text.empty() ? "" : ", ").append(streamed(+value));
  return values.size() == 1 ? text : "{" + text + "}";
}

}  // namespace

std::string text_of(double value) { return streamed(value); }
std::string text_of(int value) { return streamed(value); }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(const image::Size& size) { return to_string(size); }
std::string text_of(const std::vector<uint8_t>& values) { return in_braces(values); }
std::string text_of(const std::vector<float>& values) { return in_braces(values); }
std::string text_of(const std::vector<double>& values) { return in_braces(values); }

std::string text_of(const image::Borders& borders) {
  const auto& [left, top, right, bottom] = borders;
  std::ostringstream text;
  text << '{' << left << ", " << top << ", " << right << ", " << bottom << '}';
  return text.str();
}

std::string text_of(const std::pair<double, double>& range) {
  return "{" + text_of(range.first) + ", " + text_of(range.second) + "}";
}

std::string text_in(forms::Shorter, const image::Size& size, bool is_shorter_side) {
  return is_shorter_side ? text_of(size.height) : text_of(size);
}

std::string text_of(const std::pair<double, double>& along_x, const std::pair<double, double>& along_y) {
  return along_x == along_y ? text_of(along_x) : text_of(along_x) + " and " + text_of(along_y);
}

}  // namespace millrace::transforms
