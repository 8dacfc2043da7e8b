#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace millrace::detail {

constexpr std::string_view kPassingEnding = ".tmp";

/// The name that a NewFile has until it is whole: "last.pt.123.tmp" of "last.pt".
inline std::string passing_name(const std::string& name, uint64_t number) {
  return name + "." + std::to_string(number) + std::string(kPassingEnding);
}

/// "last.pt" of "last.pt.123.tmp"; nothing of names of another form. Whoever knows that the writer of a file is dead
/// finds what it left by this.
inline std::optional<std::string_view> name_behind(std::string_view passing) {
  if (!passing.ends_with(kPassingEnding)) return std::nullopt;
  passing.remove_suffix(kPassingEnding.size());
  const size_t dot = passing.rfind('.');
  const bool has_number = dot != passing.npos && dot + 1 < passing.size() &&
                          passing.find_first_not_of("0123456789", dot + 1) == passing.npos;
  return has_number ? std::optional(passing.substr(0, dot)) : std::nullopt;
}

/// Removes the files in a folder that have passing names of such that `is_own` knows. What cannot be removed stays.
/// REQUIRES: whoever wrote them is dead.
void remove_passing_files(const std::string& folder, const std::function<bool(std::string_view name)>& is_own);

}  // namespace millrace::detail
