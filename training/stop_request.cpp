#include "millrace/training/stop_request.h"

#include <atomic>

namespace millrace::training {
namespace {

struct Cause {
  int signal;
  std::string_view words;
};

constexpr std::array<Cause, 4> kCauses{{{SIGINT, "Ctrl-C"},
                                        {SIGTERM, "SIGTERM"},
                                        {SIGHUP, "the end of the terminal (SIGHUP)"},
                                        {SIGPIPE, "the end of whoever read the output (SIGPIPE)"}}};

std::atomic<int> g_requested = 0;  // The signal of the first request.

void on_signal(int signal) {
  int none = 0;
  g_requested.compare_exchange_strong(none, signal);
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace

StopRequest::StopRequest() {
  static_assert(kCauses.size() == kSignals);
  g_requested = 0;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < kSignals; ++i) {
    ::sigaction(kCauses[i].signal, &action, &before_[i]);
    const bool stays_ignored = kCauses[i].signal == SIGHUP && before_[i].sa_handler == SIG_IGN;
    if (stays_ignored) ::sigaction(SIGHUP, &before_[i], nullptr);
  }
}

StopRequest::~StopRequest() {
  for (size_t i = 0; i < kSignals; ++i) ::sigaction(kCauses[i].signal, &before_[i], nullptr);
}

bool StopRequest::is_made() const { return g_requested != 0; }

std::string_view StopRequest::cause() const {
  for (const Cause& cause : kCauses)
    if (cause.signal == g_requested) return cause.words;
  return "";
}

}  // namespace millrace::training
