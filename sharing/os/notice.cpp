#include "millrace/sharing/os/notice.h"

#include <atomic>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

namespace millrace {
namespace {

void write_line(NoticeLevel level, std::string_view text) {
  if (level == NoticeLevel::kInfo) return;
  std::string line = level == NoticeLevel::kError ? "millrace: error: " : "millrace: warning: ";
  line.append(text).append("\n");
  std::fwrite(line.data(), 1, line.size(), stderr);  // In one piece, since other threads write as well.
}

std::atomic<NoticeHandler> g_handler = &write_line;
std::atomic<std::chrono::milliseconds> g_notice_after{std::chrono::seconds(10)};

}  // namespace

NoticeHandler set_notice_handler(NoticeHandler handler) {
  return g_handler.exchange(handler != nullptr ? handler : &write_line);
}

void set_notice_after(std::chrono::milliseconds wait) { g_notice_after = wait; }

Timeout notice_after() {
  const auto wait = g_notice_after.load();
  return wait.count() > 0 ? Timeout(wait) : Timeout(std::nullopt);
}

void tell(NoticeLevel level, std::string_view text) noexcept {
  try {
    g_handler.load()(level, text);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "millrace: error: a handler of notices threw %s\n", e.what());
  } catch (...) {
    std::fputs("millrace: error: a handler of notices threw something\n", stderr);
  }
}

}  // namespace millrace
