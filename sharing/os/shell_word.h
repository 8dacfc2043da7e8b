#pragma once

#include <string>
#include <string_view>

namespace millrace {

/// A path as it may stand in a command that is printed for a shell: as it is, or between quotation marks where the
/// shell would take it apart, or read something else in it. Control characters come as printable() gives them.
std::string shell_word(std::string_view path);

}  // namespace millrace
