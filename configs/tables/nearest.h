#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millrace::configs {

/// The candidate that is the same name, written in another way: batchSize for batch_size.
std::optional<std::string> same_name(std::string_view word, const std::vector<std::string>& candidates);

/// The same, or the candidate that people know by the name `word`: in C++ (RandomSampler), or in other programs (csv).
std::optional<std::string> other_name_of(std::string_view word, const std::vector<std::string>& candidates);

/// The candidate that was meant by `word`: by another name, by a slip of the pen, or by a part of the name.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

/// The text ", did you mean resize?", or nothing.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

/// The words as one text: "resize, pad, normalize".
std::string joined(const std::vector<std::string>& words);

}  // namespace millrace::configs
