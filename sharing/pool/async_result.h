#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/own_pid.h"

namespace millrace::multiprocessing {

/// A callback, which is called when a result is there, on the pool's thread, before anybody who waits for the result
/// goes on. While one runs, no other result arrives. What it throws is told as a notice (see set_notice_handler()) and
/// harms nobody. It must not wait for a result of the same pool; trying to throws std::logic_error.
template <class T>
struct Callbacks {
  std::function<void(const T&)> callback = nullptr;
  std::function<void(const std::exception&)> error_callback = nullptr;
};

template <>
struct Callbacks<void> {
  std::function<void()> callback = nullptr;
  std::function<void(const std::exception&)> error_callback = nullptr;
};

namespace detail {

/// Marks the calling thread as the one that brings a pool's results.
void this_thread_brings_results();

/// Throws std::logic_error on a thread that brings results: it would wait for itself.
void require_other_thread();

/// Throws std::logic_error in another process than `owner`, naming both.
void require_process(pid_t owner);

[[noreturn]] void throw_timeout(std::chrono::nanoseconds timeout);

/// A pool, as those who wait for its results see it. Thread-safe.
class PoolWorkers {
 public:
  virtual ~PoolWorkers() = default;

  /// What the workers do, for a notice: "worker 1, process 71 (stopped), runs square; …".
  virtual std::string what_they_do() = 0;
};

/// Waits for `changed` until `is_there`, at most `timeout`; false when that has passed. When the wait takes long, a
/// notice tells what `workers` do; the lock is let go meanwhile. `awaited` is what the notice says is waited for.
bool wait_for_pool(std::unique_lock<std::mutex>& lock, std::condition_variable& changed, Timeout timeout,
                   const std::function<bool()>& is_there, const char* awaited,
                   const std::weak_ptr<PoolWorkers>& workers);

/// The part of a result that knows nothing of its type: whether it is there. Thread-safe.
class AsyncState {
 public:
  /// True once there is a result or an error; waits for that at most `timeout` (nullopt: for ever).
  bool wait(Timeout timeout);

  bool ready();

  /// Whether there is a result and no error. Throws std::logic_error while it is not ready.
  bool successful();

  /// Waits for the result, and throws its error if it has one. Throws TimeoutError when it is not ready within
  /// `timeout`.
  void require_success(Timeout timeout);

  /// Sets the workers that make the result, and that a notice tells of when it does not come. To be called once, before
  /// others have the state.
  void set_workers(const std::weak_ptr<PoolWorkers>& workers) { workers_ = workers; }

  /// Calls `tell`, then makes the state ready. To be called once.
  void settle(std::exception_ptr error, const std::function<void()>& tell);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool ready_ = false;
  std::exception_ptr error_;
  std::weak_ptr<PoolWorkers> workers_;
  const pid_t owner_ = own_pid();  // A forked child gets no result: the pool's thread is not forked along.
};

/// Calls `use` with the std::exception behind `error`.
void visit_exception(const std::exception_ptr& error, const std::function<void(const std::exception&)>& use);

/// A result on its way, shared by who waits for it and who brings it.
template <class T>
class AsyncValue {
 public:
  using Stored = std::conditional_t<std::is_void_v<T>, std::monostate, T>;

  explicit AsyncValue(Callbacks<T> callbacks) : callbacks_(std::move(callbacks)) {}

  void succeed(Stored value) {
    value_ = std::move(value);
    state.settle(nullptr, [this] {
      if (!callbacks_.callback) return;
      if constexpr (std::is_void_v<T>)
        callbacks_.callback();
      else
        callbacks_.callback(*value_);
    });
  }

  void fail(const std::exception_ptr& error) {
    state.settle(error, [&] {
      if (callbacks_.error_callback) visit_exception(error, callbacks_.error_callback);
    });
  }

  /// The value. REQUIRES: require_success() has returned.
  Stored& value() { return *value_; }

  AsyncState state;

 private:
  Callbacks<T> callbacks_;
  std::optional<Stored> value_;  // Written before the state is ready, read after.
};

}  // namespace detail

/// A result that is yet to come, as Python's AsyncResult. A handle: copies mean the same result, which lives on when
/// the pool is gone. Thread-safe.
template <class T>
class AsyncResult {
 public:
  explicit AsyncResult(std::shared_ptr<detail::AsyncValue<T>> value) : value_(std::move(value)) {}

  /// The result, waited for at most `timeout` (nullopt: for ever). Throws TimeoutError; RemoteError with what the call
  /// threw; WorkerLost when the worker died; PoolTerminated; BrokenPool.
  std::add_lvalue_reference_t<const T> get(Timeout timeout = std::nullopt) const& {
    value_->state.require_success(timeout);
    if constexpr (!std::is_void_v<T>) return value_->value();
  }

  /// The result, moved out of a temporary.
  T get(Timeout timeout = std::nullopt) && {
    value_->state.require_success(timeout);
    if constexpr (!std::is_void_v<T>) return std::move(value_->value());
  }

  /// True once the result, or the error, is there; waits for that at most `timeout` (nullopt: for ever).
  bool wait(Timeout timeout = std::nullopt) const { return value_->state.wait(timeout); }

  bool ready() const { return value_->state.ready(); }

  /// Whether the result came without an error. Throws std::logic_error when it is not ready.
  bool successful() const { return value_->state.successful(); }

 private:
  std::shared_ptr<detail::AsyncValue<T>> value_;
};

}  // namespace millrace::multiprocessing
