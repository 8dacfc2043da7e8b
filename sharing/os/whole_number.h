#pragma once

#include <charconv>
#include <concepts>
#include <optional>
#include <string_view>
#include <system_error>

// Header-only: configs and tests of theirs use it without the loader.
namespace millrace::detail {

/// The number that all of `text` is: digits of `base`, for signed types with a '-' before them, and nothing else.
/// Nothing for any other text and for a number that does not fit. All that people write as numbers is read by it.
template <std::integral T>
std::optional<T> whole_number(std::string_view text, int base = 10) {
  T value = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, value, base);
  return error == std::errc() && end == last ? std::optional(value) : std::nullopt;
}

}  // namespace millrace::detail
