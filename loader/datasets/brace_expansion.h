#pragma once

#include <string>
#include <vector>

namespace millrace {

/// The strings that a pattern with braces stands for, as Python's braceexpand gives them, which webdataset uses:
/// "{000..012}" (padded when a bound begins with 0, any direction, "..step" behind), "{a..e}", "{train,val}", nested in
/// any way, the first braces varying slowest. A backslash takes the meaning from the next character. Braces around
/// something else stay. Throws std::invalid_argument for braces that are not balanced and for more than 10 million
/// strings.
std::vector<std::string> expand_braces(const std::string& pattern);

/// The paths that a pattern of shards stands for: those of expand_braces(), of one pattern after the other where "::"
/// stands between several. Throws as expand_braces().
std::vector<std::string> expand_shards(const std::string& pattern);

}  // namespace millrace
