#pragma once

#include "millrace/apps/millrace/told_notices.h"

namespace millrace::apps {

/// ToldNotices of `millrace show`, which opens a dataset several times: what it tells each time is told once. One
/// object of a program at a time.
class NoticesOfShow {
 public:
  NoticesOfShow();
  ~NoticesOfShow();
  NoticesOfShow(const NoticesOfShow&) = delete;
  NoticesOfShow& operator=(const NoticesOfShow&) = delete;

  /// From here on no sample that is left out is told of: statistics name all that cannot be read. All else still is.
  void leave_to_statistics() const;

 private:
  ToldNotices all_;
  NoticeHandler handler_of_all_;
};

}  // namespace millrace::apps
