#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::configs {

/// The candidate nearest to `word`, if one is near enough to have been meant.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

/// The text ", did you mean resize?", or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// The words as one text: "resize, pad, normalize".
std::string joined(const std::vector<std::string>& words);

}  // namespace millrace::configs
