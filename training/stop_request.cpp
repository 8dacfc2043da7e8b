#include "millrace/training/stop_request.h"

#include <atomic>
#include <csignal>

namespace millrace::training {
namespace {

std::atomic<bool> g_stop_requested = false;

// With SA_RESETHAND, so that the next one meets the default action.
void on_signal(int signal) {
  g_stop_requested = true;
  // The other of the two ends the process as well.
  std::signal(signal == SIGINT ? SIGTERM : SIGINT, SIG_DFL);
}

}  // namespace

StopRequest::StopRequest() {
  g_stop_requested = false;
  struct sigaction action{};
  action.sa_handler = on_signal;
  action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}

StopRequest::~StopRequest() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

bool StopRequest::is_made() const { return g_stop_requested; }

}  // namespace millrace::training
