#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "millrace/apps/millrace/status_line.h"
#include "millrace/sharing/os/notice.h"

namespace millrace::apps {

/// "millrace: warning: TEXT".
std::string told_line(NoticeLevel level, std::string_view text);

/// The handler of notices of the program: warnings and errors as told_line() on stderr, in the words of
/// words_of_notice().
void tell_on_stderr(NoticeLevel level, std::string_view notice);

/// While it lives, warnings and errors that Millrace gives as notices are printed above a status line, as
/// told_line() in the words of words_of_notice(), and given to `keep` for a log, one at a time and on the thread that
/// tells them. One object of a program at a time.
class ToldNotices {
 public:
  using Keep = std::function<void(NoticeLevel level, std::string_view text)>;

  explicit ToldNotices(Keep keep, StatusLine& line = stderr_line());
  ~ToldNotices();

  ToldNotices(const ToldNotices&) = delete;
  ToldNotices& operator=(const ToldNotices&) = delete;

 private:
  static void tell(NoticeLevel level, std::string_view notice);

  NoticeHandler before_;
};

}  // namespace millrace::apps
