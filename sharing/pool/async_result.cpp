#include "millrace/sharing/pool/async_result.h"

#include <stdexcept>
#include <string>

#include "millrace/sharing/channel/errors.h"
#include "millrace/sharing/os/long_wait.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/os/seconds_text.h"
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

bool wait_for_pool(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, Timeout timeout,
                   const std::function<bool()>& is_there, const char* awaited,
                   const std::weak_ptr<PoolWorkers>& workers) {
  const auto wait = [&](Timeout slice) {
    if (slice) return changed.wait_for(lock, *slice, is_there);
    changed.wait(lock, is_there);
    return true;
  };
  const auto tell_of_it = [&](std::chrono::nanoseconds lasted) {
    lock.unlock();  // The pool has locks of its own, and the handler is anybody's.
    const auto pool = workers.lock();
    tell(NoticeLevel::kWarning, std::string("waiting for ") + awaited + " for " + seconds_text(lasted) + ": " +
                                    (pool ? pool->what_they_do() : "the pool is gone"));
    lock.lock();
  };
  return wait_and_tell(timeout, notice_after(), wait, tell_of_it);
}

bool AsyncState::wait(Timeout timeout) {
  if (owner_ != own_pid()) {
    // Read without the lock, which another thread of the parent may have held; nobody lets it go here.
    if (!ready_) require_process(owner_);
    return true;
  }
  std::unique_lock lock(mutex_);
  if (!ready_) require_other_thread();
  return wait_for_pool(lock, changed_, timeout, [this] { return ready_; }, "a result of a pool", workers_);
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
    millrace::tell(NoticeLevel::kError, "a pool's callback threw " + report_current_exception().headline());
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
