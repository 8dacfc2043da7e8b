#pragma once

#include <sys/types.h>

#include <condition_variable>
#include <cstddef>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/pool/async_result.h"

// What stands between a pool, which moves bytes, and results, which have types.
namespace millrace::multiprocessing::detail {

/// What became of a task: the bytes that its worker made of the results, or why there are none.
struct Outcome {
  Encoded result;
  std::exception_ptr error;

  /// Gives an archive to read the results from to `read`. Throws the error, or RemoteError when the call threw.
  template <class Read>
  void open(Read read) {
    if (error) std::rethrow_exception(error);
    DecodeArchive archive(result.bytes, result.fds);
    throw_if_raised(archive);
    read(archive);
  }

 private:
  static void throw_if_raised(DecodeArchive& archive);
};

/// Calls that were given to a pool together. Its tasks end one by one, on the pool's thread.
class Job {
 public:
  /// What somebody may be waiting for: the end of every single task, or of all of them.
  enum class Awaited { kEachTask, kAllTasks };

  explicit Job(Awaited what) : awaited(what) {}
  virtual ~Job() = default;

  /// Takes what became of the calls [first, first + count). Does not throw.
  virtual void finish(size_t first, size_t count, Outcome outcome) = 0;

  /// Sets the workers that run the calls, and that a notice tells of when somebody waits for long. Called before
  /// anybody can wait.
  virtual void set_workers(const std::weak_ptr<PoolWorkers>& workers) = 0;

  /// The place of a call in the job, in an error's text: "item 3"; empty where there is only one call.
  virtual std::string describe(size_t first, size_t count) const;

  const Awaited awaited;
};

/// A job of one call.
template <class R>
class ApplyJob final : public Job {
 public:
  explicit ApplyJob(std::shared_ptr<AsyncValue<R>> value) : Job(Awaited::kEachTask), value_(std::move(value)) {}

  void finish(size_t, size_t, Outcome outcome) override {
    typename AsyncValue<R>::Stored result{};
    try {
      outcome.open([&](DecodeArchive& archive) {
        if constexpr (!std::is_void_v<R>) archive(result);
      });
    } catch (...) {
      return value_->fail(std::current_exception());
    }
    value_->succeed(std::move(result));
  }

  void set_workers(const std::weak_ptr<PoolWorkers>& workers) override { value_->state.set_workers(workers); }
  std::string describe(size_t, size_t) const override { return {}; }

 private:
  const std::shared_ptr<AsyncValue<R>> value_;
};

/// The type of a map's results.
template <class R>
using ListOf =
    typename std::conditional_t<std::is_void_v<R>, std::type_identity<void>,
                                std::type_identity<std::vector<std::conditional_t<std::is_void_v<R>, int, R>>>>::type;

/// Calls whose results make one list, in their order. When several throw, the error of the earliest call is kept.
template <class R>
class MapJob final : public Job {
 public:
  MapJob(size_t count, std::shared_ptr<AsyncValue<ListOf<R>>> value)
      : Job(Awaited::kAllTasks), left_(count), value_(std::move(value)) {
    if constexpr (!std::is_void_v<R>) results_.resize(count);
    if (count == 0) settle();
  }

  void finish(size_t first, size_t count, Outcome outcome) override {
    try {
      outcome.open([&](DecodeArchive& archive) {
        if constexpr (!std::is_void_v<R>)
          for (size_t i = first; i < first + count; ++i) {
            R result{};  // A variable, since a std::vector<bool> has no reference to its elements.
            archive(result);
            results_[i] = std::move(result);
          }
      });
    } catch (...) {
      if (!error_ || first < error_at_) {
        error_ = std::current_exception();
        error_at_ = first;
      }
    }
    left_ -= count;
    if (left_ == 0) settle();
  }

  void set_workers(const std::weak_ptr<PoolWorkers>& workers) override { value_->state.set_workers(workers); }

 private:
  void settle() {
    if (error_)
      value_->fail(error_);
    else
      value_->succeed(std::move(results_));
  }

  size_t left_;
  typename AsyncValue<ListOf<R>>::Stored results_;
  std::exception_ptr error_;
  size_t error_at_ = 0;
  const std::shared_ptr<AsyncValue<ListOf<R>>> value_;
};

enum class Order { kOfItems, kOfCompletion };

/// Calls whose results are handed out one by one; this part knows nothing of their type. Their number is known at their
/// end only.
class ImapJobBase : public Job {
 public:
  ImapJobBase() : Job(Awaited::kEachTask) {}

  /// Says that there are `count` calls and no more.
  virtual void end_at(size_t count) = 0;

  /// Ends the job with what the reading of call `position`'s item threw: the last result, in whatever order the others
  /// come.
  virtual void fail_at(size_t position, std::exception_ptr error) = 0;

  virtual size_t given() const = 0;   ///< Results handed out.
  virtual size_t bytes() const = 0;   ///< Size of the results that have arrived and were not handed out.
  virtual bool has_next() const = 0;  ///< Whether the result to hand out next has arrived.
};

template <class R>
class ImapJob final : public ImapJobBase {
 public:
  using Stored = typename AsyncValue<R>::Stored;

  explicit ImapJob(Order order) : order_(order) {}

  void finish(size_t first, size_t count, Outcome outcome) override {
    std::vector<Item> items(count);
    for (auto& item : items) item.bytes = outcome.result.bytes.size() / count;
    try {
      outcome.open([&](DecodeArchive& archive) {
        if constexpr (!std::is_void_v<R>)
          for (auto& item : items) archive(item.value);
      });
    } catch (...) {
      for (auto& item : items) item.error = std::current_exception();
    }
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < count; ++i) {
      bytes_ += items[i].bytes;
      items_.emplace(order_ == Order::kOfItems ? first + i : arrived_++, std::move(items[i]));
    }
    changed_.notify_all();
  }

  void set_workers(const std::weak_ptr<PoolWorkers>& workers) override { workers_ = workers; }

  void end_at(size_t count) override {
    const std::lock_guard lock(mutex_);
    count_ = count;
    changed_.notify_all();
  }

  void fail_at(size_t position, std::exception_ptr error) override {
    const std::lock_guard lock(mutex_);
    items_.emplace(position, Item{{}, std::move(error), 0});
    changed_.notify_all();
  }

  size_t given() const override {
    const std::lock_guard lock(mutex_);
    return given_;
  }

  size_t bytes() const override {
    const std::lock_guard lock(mutex_);
    return bytes_;
  }

  bool has_next() const override {
    const std::lock_guard lock(mutex_);
    return items_.contains(given_);
  }

  /// The next result, waited for at most `timeout`; nullopt after the last. Throws the result's error, and
  /// TimeoutError.
  std::optional<Stored> next(Timeout timeout) {
    require_process(owner_);
    std::unique_lock lock(mutex_);
    const auto is_there = [this] { return given_ == count_ || items_.contains(given_); };
    if (!is_there()) wait(lock, timeout, is_there);
    if (given_ == count_) return std::nullopt;
    const auto node = items_.extract(given_++);
    bytes_ -= node.mapped().bytes;
    lock.unlock();
    if (node.mapped().error) std::rethrow_exception(node.mapped().error);
    return std::move(node.mapped().value);
  }

 private:
  struct Item {
    Stored value{};
    std::exception_ptr error;
    size_t bytes = 0;
  };

  const pid_t owner_ = own_pid();

  void wait(std::unique_lock<std::mutex>& lock, Timeout timeout, const std::function<bool()>& is_there) {
    require_other_thread();
    if (!wait_for_pool(lock, changed_, timeout, is_there, "a result of a pool", workers_)) throw_timeout(*timeout);
  }

  const Order order_;
  std::weak_ptr<PoolWorkers> workers_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<size_t> count_;   // The number of calls, once it is known.
  std::map<size_t, Item> items_;  // Results that have arrived, by the position they will be handed out at.
  size_t arrived_ = 0;
  size_t given_ = 0;
  size_t bytes_ = 0;
};

}  // namespace millrace::multiprocessing::detail
