#include "millrace/loader/datasets/plain_text.h"

#include <stdexcept>

namespace millrace::detail {

std::string_view plain_text(std::string_view bytes) {
  using std::string_view_literals::operator""sv;
  constexpr const char* kCure = ": save it in UTF-8 (iconv -t UTF-8)";
  // UTF-32's mark begins with UTF-16's.
  if (bytes.starts_with("\xFF\xFE\0\0"sv) || bytes.starts_with("\0\0\xFE\xFF"sv))
    throw std::runtime_error(std::string("is in UTF-32") + kCure);
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF"))
    throw std::runtime_error(std::string("is in UTF-16") + kCure);
  const size_t zero = bytes.find('\0');
  if (zero != bytes.npos) {
    // Without a mark, every other byte of Western text is zero.
    const bool wide = zero < 2 && zero + 2 < bytes.size() && bytes[zero + 2] == '\0';
    throw std::runtime_error(wide ? std::string("is in UTF-16 without a byte order mark") + kCure
                                  : "has a zero byte at " + std::to_string(zero) + ", so it is no text" + kCure);
  }
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (bytes.starts_with(kByteOrderMark)) bytes.remove_prefix(kByteOrderMark.size());
  return bytes;
}

}  // namespace millrace::detail
