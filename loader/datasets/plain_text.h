#pragma once

#include <string>
#include <string_view>

namespace millrace::detail {

/// A file's text, in UTF-8 or ASCII, without a byte order mark before it. Throws std::runtime_error "is in UTF-16: …",
/// for UTF-32 too, and for what has a zero byte in it and so is no text.
std::string_view plain_text(std::string_view bytes);

}  // namespace millrace::detail
