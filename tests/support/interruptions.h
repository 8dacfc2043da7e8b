#pragma once

#include <pthread.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>

namespace millrace::test {

/// Interrupts whatever waits in the thread that made it, again and again, by a signal whose handler does not have calls
/// begin anew.
class Interruptions {
 public:
  Interruptions() {
    struct sigaction counting{};
    counting.sa_handler = [](int) { ++g_taken; };
    ::sigaction(SIGUSR1, &counting, &before_);
    thread_ = std::thread([this, target = ::pthread_self()] {
      for (; !stop_; std::this_thread::sleep_for(std::chrono::milliseconds(1))) ::pthread_kill(target, SIGUSR1);
    });
  }
  Interruptions(const Interruptions&) = delete;
  Interruptions& operator=(const Interruptions&) = delete;
  ~Interruptions() {
    stop_ = true;
    thread_.join();
    ::sigaction(SIGUSR1, &before_, nullptr);
  }

  /// Returns when the thread was interrupted three times more. To be called in another one.
  static void let_some_pass() {
    for (const int before = g_taken; g_taken < before + 3;) std::this_thread::yield();
  }

 private:
  static inline std::atomic<int> g_taken = 0;

  struct sigaction before_{};
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace millrace::test
