#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace {

/// A foreign text (a file's name, a label, a key, what another process reports) as it may stand in a message: one line
/// that means nothing to a terminal. Control characters, invisible marks that turn the direction of writing, and bytes
/// that are no UTF-8 become \n, \x1b, \u202e. A text longer than `most` bytes is cut in the middle, with the number of
/// bytes left out in the gap. A text that is printable and short comes back as it is.
std::string printable(std::string_view text, size_t most = 240);

/// A foreign text as printable() gives it between quotation marks, as messages name such a text: 'cats/1.jpg'.
std::string in_quotes(std::string_view text, size_t most = 240);

/// A foreign text of several lines, such as what an exception of another process says. Its lines stay lines, each is
/// printable() by itself, and lines beyond 200 are only counted.
std::string printable_lines(std::string_view text);

}  // namespace millrace
