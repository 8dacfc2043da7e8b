#pragma once

#include "millrace/apps/millrace/told_notices.h"

namespace millrace::apps {

/// ToldNotices of `millrace show`, which opens a dataset several times: what it tells each time is told once. One object
/// of a program at a time.
class NoticesOfShow {
 public:
  NoticesOfShow();
  ~NoticesOfShow();
  NoticesOfShow(const NoticesOfShow&) = delete;
  NoticesOfShow& operator=(const NoticesOfShow&) = delete;

  /// From here on warnings are not told: statistics name all samples that cannot be read.
  void leave_to_statistics() const;

 private:
  ToldNotices all_;
  NoticeHandler handler_of_all_;
};

}  // namespace millrace::apps
