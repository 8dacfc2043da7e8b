#include "millrace/sharing/pool/async_result.h"

#include <cstdio>
#include <stdexcept>
#include <string>

#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/process/backtrace.h"

namespace millrace::multiprocessing {
namespace {

thread_local bool t_brings_results = false;

}  // namespace

namespace detail {

void this_thread_brings_results() { t_brings_results = true; }

void require_other_thread() {
  if (t_brings_results)
    throw std::logic_error("a pool's callback waits for a result, which could not come before the callback returns");
}

void require_process(pid_t owner) {
  if (owner != own_pid())
    throw std::logic_error("results that process " + std::to_string(owner) + " waits for never come to process " +
                           std::to_string(own_pid()) + ", which was forked from it: ask for them there");
}

void throw_timeout(std::chrono::nanoseconds timeout) {
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
  throw TimeoutError("no result from a pool within " + std::to_string(ms) + " ms; it may still come");
}

bool AsyncState::wait(Timeout timeout) {
  if (owner_ != own_pid()) {
    // Without the lock, which another thread of the parent may have held; it is in nobody's hands here.
    if (!ready_) require_process(owner_);
    return true;
  }
  std::unique_lock lock(mutex_);
  if (!ready_) require_other_thread();
  const auto is_ready = [this] { return ready_; };
  if (timeout) return changed_.wait_for(lock, *timeout, is_ready);
  changed_.wait(lock, is_ready);
  return true;
}

bool AsyncState::ready() {
  if (owner_ != own_pid()) return ready_;
  const std::lock_guard lock(mutex_);
  return ready_;
}

bool AsyncState::successful() {
  const std::lock_guard lock(mutex_);
  if (!ready_) throw std::logic_error("successful() was asked of a result that is not ready: wait() for it first");
  return !error_;
}

void AsyncState::require_success(Timeout timeout) {
  if (!wait(timeout)) throw_timeout(*timeout);
  if (error_) std::rethrow_exception(error_);
}

void AsyncState::settle(std::exception_ptr error, const std::function<void()>& tell) {
  try {
    tell();
  } catch (...) {
    std::fprintf(stderr, "a pool's callback threw %s\n", report_current_exception().headline().c_str());
  }
  {
    const std::lock_guard lock(mutex_);
    error_ = std::move(error);
    ready_ = true;
  }
  changed_.notify_all();
}

void visit_exception(const std::exception_ptr& error, const std::function<void(const std::exception&)>& use) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& e) {
    use(e);
  }
}

}  // namespace detail
}  // namespace millrace::multiprocessing
