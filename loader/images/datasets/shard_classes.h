#pragma once

#include <string>
#include <vector>

namespace millrace {

/// What the file beside tar shards is called that has the names of their classes: a line each, that of class 0 first.
/// `millrace pack` writes it.
inline constexpr const char* kShardClasses = "classes.txt";

/// The names in the file beside these shards; empty where there is none, or where the shards lie in several folders
/// whose files are not the same. Throws std::runtime_error for a file that cannot be read or is no text.
std::vector<std::string> classes_beside(const std::vector<std::string>& shards);

}  // namespace millrace
