#include "millrace/apps/millrace/told_notices.h"

#include <sys/types.h>

#include <mutex>
#include <stdexcept>
#include <utility>

#include "millrace/apps/millrace/notice_words.h"
#include "millrace/sharing/os/own_pid.h"

namespace millrace::apps {
namespace {

// Where notices go, since a handler is a function without an object.
struct Told {
  std::mutex mutex;
  StatusLine* line = nullptr;
  ToldNotices::Keep keep;
  pid_t pid = 0;  // A child that was forked may have a lock that nobody opens: it writes plain lines.
};
Told g_told;

}  // namespace

std::string told_line(NoticeLevel level, std::string_view text) {
  return (level == NoticeLevel::kError ? "millrace: error: " : "millrace: warning: ") + std::string(text);
}

void tell_on_stderr(NoticeLevel level, std::string_view notice) {
  if (level == NoticeLevel::kInfo) return;
  if (const auto text = words_of_notice(notice)) stderr_line().output().write(told_line(level, *text) + "\n");
}

ToldNotices::ToldNotices(Keep keep, StatusLine& line) {
  const std::lock_guard lock(g_told.mutex);
  if (g_told.line != nullptr) throw std::logic_error("ToldNotices: there is one already");
  g_told.line = &line;
  g_told.keep = std::move(keep);
  g_told.pid = own_pid();
  before_ = set_notice_handler(&tell);
}

ToldNotices::~ToldNotices() {
  set_notice_handler(before_);
  const std::lock_guard lock(g_told.mutex);
  g_told.line = nullptr;
  g_told.keep = nullptr;
}

void ToldNotices::tell(NoticeLevel level, std::string_view notice) {
  if (level == NoticeLevel::kInfo) return;
  const auto text = words_of_notice(notice);
  if (!text) return;
  const std::string line = told_line(level, *text);
  if (own_pid() != g_told.pid) return stderr_line().output().write(line + "\n");
  const std::lock_guard lock(g_told.mutex);
  if (g_told.line == nullptr) return;
  g_told.line->print(line);
  g_told.keep(level, *text);
}

}  // namespace millrace::apps
