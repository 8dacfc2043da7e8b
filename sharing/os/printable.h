#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace {

/// A foreign text (a file's name, a label, a key, what another process reports) as it may stand in a message: one line
/// that means nothing to a terminal. Control characters, invisible marks that turn the direction of writing, and bytes
/// that are no UTF-8 become \n, \x1b, \u202e; of a text longer than `most` bytes the beginning and the end are given,
/// with the number of bytes left out between them. A text that is printable and short comes back as it is.
std::string printable(std::string_view text, size_t most = 240);

/// The same between quotation marks, which is how messages name such a text: 'cats/1.jpg'.
std::string in_quotes(std::string_view text, size_t most = 240);

/// The same for a text that may have several lines, such as what an exception of another process says: its lines stay
/// lines, each is cut by itself, and of more than 200 the rest is counted.
std::string printable_lines(std::string_view text);

}  // namespace millrace
