#pragma once

#include <functional>
#include <string>

#include "millrace/apps/millrace/status_line.h"
#include "millrace/sharing/os/notice.h"

namespace millrace::apps {

/// While it lives, warnings and errors that Millrace gives as notices are printed above a status line, as
/// "millrace: warning: TEXT", and given to `keep` for a log, one at a time and on the thread that tells them. One
/// object of a program at a time.
class ToldNotices {
 public:
  using Keep = std::function<void(const std::string& line)>;

  explicit ToldNotices(Keep keep, StatusLine& line = stderr_line());
  ~ToldNotices();

  ToldNotices(const ToldNotices&) = delete;
  ToldNotices& operator=(const ToldNotices&) = delete;

 private:
  static void tell(NoticeLevel level, std::string_view text);

  NoticeHandler before_;
};

}  // namespace millrace::apps
