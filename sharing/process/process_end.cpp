#include "millrace/sharing/process/process_end.h"

#include <poll.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <mutex>
#include <stdexcept>
#include <vector>

#include "millrace/sharing/os/fork_handlers.h"

namespace millrace {
namespace {

using Handler = void (*)() noexcept;

// A forked process gets a fresh one; its predecessor is left behind as it is, since a thread that exists in the parent
// only may hold its mutex.
struct Handlers {
  std::mutex mutex;
  std::vector<Handler> list;

  static Handlers*& current() {
    static Handlers* handlers = [] {
      at_fork(ForkRank::kProcessEnd, {nullptr, nullptr, [] { current() = new Handlers; }});
      return new Handlers;
    }();
    return handlers;
  }

  void add(Handler handler) {
    const std::lock_guard lock(mutex);
    if (std::find(list.begin(), list.end(), handler) != list.end()) return;
    list.push_back(handler);
    std::atexit(detail::run_process_end_handlers);  // Each time: it runs before what was registered earlier.
  }

  Handler take_latest() {
    const std::lock_guard lock(mutex);
    if (list.empty()) return nullptr;
    const Handler handler = list.back();
    list.pop_back();
    return handler;
  }
};
constinit std::atomic<void (*)()> g_join = nullptr;
[[maybe_unused]] Handlers* const& kHandlersAtLoad = Handlers::current();

}  // namespace

void at_process_end(Handler handler) { Handlers::current()->add(handler); }

void detail::join_before_process_end(void (*join)()) { g_join = join; }

void detail::run_process_end_handlers() noexcept {
  if (const auto join = g_join.load()) join();
  while (const Handler handler = Handlers::current()->take_latest()) handler();
}

void detail::refuse_start_at_process_end() {
  constexpr int kHeldMs = 3000;
  ::poll(nullptr, 0, kHeldMs);
  throw std::runtime_error("no process can be started while this one ends");
}

}  // namespace millrace
