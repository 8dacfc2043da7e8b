#pragma once

#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/sharing/os/notice.h"

namespace millrace::test {

/// While it lives, notices come here instead of to stderr. One at a time.
class Notices {
 public:
  struct Notice {
    NoticeLevel level;
    std::string text;
  };

  /// `also` is called with each notice, on the thread that tells it.
  explicit Notices(std::function<void(const Notice&)> also = nullptr) : also_(std::move(also)) {
    current() = this;
    before_ = set_notice_handler([](NoticeLevel level, std::string_view text) {
      Notices& here = *current();
      const Notice notice{level, std::string(text)};
      {
        const std::lock_guard lock(here.mutex_);
        here.notices_.push_back(notice);
      }
      if (here.also_) here.also_(notice);
    });
  }
  Notices(const Notices&) = delete;
  Notices& operator=(const Notices&) = delete;
  ~Notices() { set_notice_handler(before_); }

  std::vector<Notice> all() const {
    const std::lock_guard lock(mutex_);
    return notices_;
  }

  std::vector<std::string> texts() const {
    std::vector<std::string> texts;
    for (const auto& notice : all()) texts.push_back(notice.text);
    return texts;
  }

 private:
  static Notices*& current() {
    static Notices* notices = nullptr;
    return notices;
  }

  const std::function<void(const Notice&)> also_;
  NoticeHandler before_ = nullptr;
  mutable std::mutex mutex_;
  std::vector<Notice> notices_;
};

/// While it lives, waits without an option of their own are told of after that time.
class NoticeAfter {
 public:
  explicit NoticeAfter(std::chrono::milliseconds wait) { set_notice_after(wait); }
  NoticeAfter(const NoticeAfter&) = delete;
  NoticeAfter& operator=(const NoticeAfter&) = delete;
  ~NoticeAfter() { set_notice_after(std::chrono::seconds(10)); }
};

/// All that a call tells, one text behind the other.
template <class Call>
std::string told_by(const Call& call) {
  const Notices notices;
  call();
  std::string told;
  for (const std::string& text : notices.texts()) told += text;
  return told;
}

}  // namespace millrace::test
