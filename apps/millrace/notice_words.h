#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace::apps {

/// What a notice says, for people who write YAML and count epochs and batches from 1, as the program does. Nothing for
/// how many samples of an epoch a loader left out: the program tells that itself, by the line of the epoch and at the
/// end.
std::optional<std::string> words_of_notice(std::string_view notice);

/// Whether it is the notice by which a loader tells of a sample that it left out or replaced.
bool is_of_lost_sample(std::string_view notice);

}  // namespace millrace::apps
