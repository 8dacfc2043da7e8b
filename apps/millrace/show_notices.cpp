#include "millrace/apps/millrace/show_notices.h"

#include <sys/types.h>

#include <functional>
#include <mutex>
#include <set>
#include <string>
#include <string_view>

#include "millrace/apps/millrace/notice_words.h"
#include "millrace/sharing/os/own_pid.h"

namespace millrace::apps {
namespace {

// What was told, since a handler is a function without an object.
struct ToldOnce {
  std::mutex mutex;
  std::set<std::string, std::less<>> texts;
  bool leaves_lost_samples = false;  // Whether those are not told of.
  NoticeHandler next = nullptr;
  pid_t pid = 0;  // A child that was forked may have a lock that nobody opens: it tells all.
};
ToldOnce g_once;

bool is_news(NoticeLevel level, std::string_view text) {
  if (level < NoticeLevel::kWarning) return false;
  if (own_pid() != g_once.pid) return true;
  const std::lock_guard lock(g_once.mutex);
  if (g_once.leaves_lost_samples && is_of_lost_sample(text)) return false;
  return g_once.texts.emplace(text).second;
}

void tell_once(NoticeLevel level, std::string_view text) {
  if (is_news(level, text)) g_once.next(level, text);
}

}  // namespace

NoticesOfShow::NoticesOfShow()
    : all_([](NoticeLevel, std::string_view) {}), handler_of_all_(set_notice_handler(nullptr)) {
  g_once.texts.clear();
  g_once.leaves_lost_samples = false;
  g_once.next = handler_of_all_;
  g_once.pid = own_pid();
  set_notice_handler(&tell_once);
}

NoticesOfShow::~NoticesOfShow() { set_notice_handler(handler_of_all_); }

void NoticesOfShow::leave_to_statistics() const {
  const std::lock_guard lock(g_once.mutex);
  g_once.leaves_lost_samples = true;
}

}  // namespace millrace::apps
