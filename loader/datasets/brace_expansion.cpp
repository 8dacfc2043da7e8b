#include "millrace/loader/datasets/brace_expansion.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <iterator>
#include <optional>
#include <regex>
#include <stdexcept>
#include <string_view>
#include <utility>

#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace {
namespace {

using Strings = std::vector<std::string>;

constexpr size_t kMost = 10'000'000;

// Counts are products or sums of two that passed, so they do not overflow.
void require_few(size_t count) {
  if (count > kMost)
    throw std::invalid_argument("braces stand for more than " + std::to_string(kMost) + " strings; use smaller ranges");
}

/// Every one of `beginnings` with every one of `endings` behind it.
Strings product(const Strings& beginnings, const Strings& endings) {
  require_few(beginnings.size() * endings.size());
  Strings all;
  all.reserve(beginnings.size() * endings.size());
  for (const auto& beginning : beginnings)
    for (const auto& ending : endings) all.push_back(beginning + ending);
  return all;
}

int64_t integer(const std::string& text) {
  constexpr int64_t kLargest = int64_t{1} << 53;
  const std::optional<int64_t> value = detail::whole_number<int64_t>(text);
  if (!value || *value > kLargest || *value < -kLargest)
    throw std::invalid_argument(in_quotes(text) + " in braces is too large a number");
  return *value;
}

/// Calls take(value) for the values from `first` to `last`, in either direction, `step` apart (0 counts as 1).
template <class Take>
void for_range(int64_t first, int64_t last, const std::string& step, const Take& take) {
  const int64_t by = step.empty() ? 1 : std::max<int64_t>(1, integer(step));
  require_few(static_cast<size_t>(std::abs(last - first) / by) + 1);
  if (first < last)
    for (int64_t value = first; value <= last; value += by) take(value);
  else
    for (int64_t value = first; value >= last; value -= by) take(value);
}

/// A number in at least `width` characters, with zeros behind the sign.
std::string padded(int64_t value, size_t width) {
  std::string digits = std::to_string(std::abs(value));
  const size_t sign = value < 0 ? 1 : 0;
  if (digits.size() + sign < width) digits.insert(0, width - sign - digits.size(), '0');
  return (sign == 1 ? "-" : "") + digits;
}

bool begins_with_zero(const std::string& text) {
  return text != "0" && text != "-0" && (text.starts_with("0") || text.starts_with("-0"));
}

/// The strings that "first..last" or "first..last..step" stands for.
std::optional<Strings> range(const std::string& expression) {
  static const std::regex kIntegers(R"((-?\d+)\.\.(-?\d+)(?:\.\.-?(\d+))?)");
  static const std::regex kLetters(R"(([A-Za-z])\.\.([A-Za-z])(?:\.\.-?(\d+))?)");
  static const std::string kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  Strings all;
  std::smatch match;
  if (std::regex_match(expression, match, kIntegers)) {
    const std::string first = match[1], last = match[2];
    const size_t width = begins_with_zero(first) || begins_with_zero(last) ? std::max(first.size(), last.size()) : 0;
    for_range(integer(first), integer(last), match[3], [&](int64_t value) { all.push_back(padded(value, width)); });
    return all;
  }
  if (std::regex_match(expression, match, kLetters)) {
    const auto place = [&](int group) { return static_cast<int64_t>(kAlphabet.find(match[group].str())); };
    for_range(place(1), place(2), match[3],
              [&](int64_t at) { all.emplace_back(1, kAlphabet[static_cast<size_t>(at)]); });
    return all;
  }
  return std::nullopt;
}

/// Calls visit(position, character, depth) for all characters but escaped ones; the depth is that outside the brace.
template <class Visit>
void for_unescaped(std::string_view text, const Visit& visit) {
  int depth = 0;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\') {
      ++at;
      continue;
    }
    if (text[at] == '}' && --depth < 0) break;
    visit(at, text[at], depth);
    if (text[at] == '{') ++depth;
  }
  if (depth != 0) throw std::invalid_argument("unbalanced braces: " + in_quotes(text));
}

Strings expand(std::string_view pattern);

/// The strings that "a,b,c" stands for; nothing when there is no comma outside braces.
std::optional<Strings> sequence(std::string_view expression) {
  Strings all;
  size_t begin = 0;
  const auto take = [&](size_t end) {
    Strings some = expand(expression.substr(begin, end - begin));
    require_few(all.size() + some.size());
    std::move(some.begin(), some.end(), std::back_inserter(all));
    begin = end + 1;
  };
  for_unescaped(expression, [&](size_t at, char character, int depth) {
    if (character == ',' && depth == 0) take(at);
  });
  if (begin == 0) return std::nullopt;
  take(expression.size());
  return all;
}

/// The strings of a pattern, with the escapes still in them.
Strings expand(std::string_view pattern) {
  Strings all = {""};
  size_t begin = 0;
  for_unescaped(pattern, [&](size_t at, char character, int depth) {
    if (depth != 0) return;
    if (character == '{') {
      all = product(all, {std::string(pattern.substr(begin, at - begin))});
      begin = at + 1;
    } else if (character == '}') {
      const std::string_view inside = pattern.substr(begin, at - begin);
      std::optional<Strings> choices = range(std::string(inside));
      if (!choices) choices = sequence(inside);
      if (!choices) choices = product(product({"{"}, expand(inside)), {"}"});
      all = product(all, *choices);
      begin = at + 1;
    }
  });
  return product(all, {std::string(pattern.substr(begin))});
}

std::string without_escapes(const std::string& text) {
  std::string result;
  for (size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 1 < text.size()) ++at;
    result.push_back(text[at]);
  }
  return result;
}

}  // namespace

std::vector<std::string> expand_braces(const std::string& pattern) {
  Strings all = expand(pattern);
  for (std::string& text : all) text = without_escapes(text);
  return all;
}

std::vector<std::string> expand_shards(const std::string& pattern) {
  std::vector<std::string> paths;
  constexpr std::string_view kBetween = "::";
  for (size_t begin = 0; begin <= pattern.size();) {
    const size_t end = std::min(pattern.find(kBetween, begin), pattern.size());
    for (std::string& path : expand_braces(pattern.substr(begin, end - begin))) paths.push_back(std::move(path));
    begin = end + kBetween.size();
  }
  return paths;
}

}  // namespace millrace
