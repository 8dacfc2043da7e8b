#include "millrace/apps/millrace/progress_output.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "millrace/sharing/os/syscall.h"

namespace millrace::apps {
namespace {

std::string variable(const char* name) {
  const char* const value = secure_getenv(name);
  return value ? value : "";
}

// The locale of letters, as setlocale() finds its name; nothing is set, which other threads would see.
Letters letters_of_locale() {
  std::string locale;
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"})
    if (locale.empty()) locale = variable(name);
  std::erase(locale, '-');
  std::transform(locale.begin(), locale.end(), locale.begin(), [](unsigned char c) { return std::tolower(c); });
  return locale.find("utf8") == locale.npos ? Letters::kAscii : Letters::kUnicode;
}

int terminal_columns(int fd) {
  constexpr int kUsual = 80;
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const auto written = millrace::detail::retry_interrupted([&] { return ::write(fd, text.data(), text.size()); });
    if (written <= 0) return;
    text.remove_prefix(static_cast<size_t>(written));
  }
}

}  // namespace

ProgressOutput output_to(int fd) {
  return {.is_terminal = ::isatty(fd) == 1 && variable("TERM") != "dumb",
          .letters = letters_of_locale(),
          .columns = [fd] { return terminal_columns(fd); },
          .write = [fd](std::string_view text) { write_all(fd, text); }};
}

}  // namespace millrace::apps
