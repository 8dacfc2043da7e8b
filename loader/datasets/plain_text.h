#pragma once

#include <string>
#include <string_view>

namespace millrace::detail {

/// The text of a file in UTF-8 or ASCII, without the byte order mark that may stand before it. Throws
/// std::runtime_error "is in UTF-16: …", likewise for UTF-32, and for bytes with a zero among them, which are no text.
std::string_view plain_text(std::string_view bytes);

}  // namespace millrace::detail
