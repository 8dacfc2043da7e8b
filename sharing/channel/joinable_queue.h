#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <vector>

#include "millrace/sharing/channel/queue.h"
#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/sync/sync_memory.h"

namespace millrace::multiprocessing {

/// join() has found tasks that will never be done: the processes that took them have ended without task_done().
class TasksLost : public std::runtime_error {
 public:
  TasksLost(uint64_t count, std::vector<pid_t> processes);

  uint64_t count() const { return count_; }

  /// The processes that had taken them, as far as known: one that was killed within get() or put() is missing.
  const std::vector<pid_t>& processes() const { return processes_; }

 private:
  uint64_t count_;
  std::vector<pid_t> processes_;
};

namespace detail {

struct TaskState;
struct TaskHolder;

/// A count, in shared memory, of the messages of a queue that each process has taken and not said to be done.
///
/// A task is unfinished from put() until it is done. An unfinished task waits in the queue, or is held by the process
/// that took it, which keeps its own count. A task that is neither has been lost with its process. join() finds that by
/// subtraction, so nothing has to be repaired when a process dies. A process counts itself as `taking` while a task
/// passes from the queue to it.
class TaskLedger {
 public:
  TaskLedger();

  /// Takes a message by MessageQueue::get(), and counts it.
  Arrival get(MessageQueue& queue, const Deadline& deadline);

  void task_done(MessageQueue& queue);
  void join(MessageQueue& queue, const Deadline& deadline);

  void close() { memory_.reset(); }
  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  TaskState& state() const;
  TaskHolder& own();
  void find_lost(MessageQueue& queue, std::vector<pid_t>& processes);

  std::shared_ptr<SyncMemory> memory_;
};

}  // namespace detail

/// A Queue that counts tasks: whoever got a message says task_done() when it has dealt with it, and join() waits until
/// that is true of everything that was ever put. A task belongs to the process that got it, and its task_done() has to
/// come from there. All else is as with Queue.
///
/// If a process dies here: tasks that it took and did not finish make join() throw TasksLost within 50 ms, once in
/// every process that waits, and no longer count; join() again to wait for the rest. (Python's join() waits for ever.)
/// Descriptors: as many as Queue.
template <class T>
class JoinableQueue : private Queue<T> {
  using Base = Queue<T>;

 public:
  JoinableQueue() : JoinableQueue(0) {}
  explicit JoinableQueue(size_t maxsize) : Base(maxsize) {}

  using Base::cancel_join_thread;
  using Base::empty;
  using Base::filenos;
  using Base::full;
  using Base::join_thread;
  using Base::put;
  using Base::put_nowait;
  using Base::qsize;

  T get(Timeout timeout = std::nullopt) { return Base::decode(tasks_.get(Base::messages_, detail::Deadline(timeout))); }
  T get_nowait() { return get(std::chrono::nanoseconds(0)); }

  /// Says that a task is done. Throws std::logic_error when called more often than messages were put (Python's
  /// ValueError).
  void task_done() { tasks_.task_done(Base::messages_); }

  /// Waits until all that was put is done, at most `timeout` (nullopt: for ever). Throws TimeoutError, TasksLost.
  void join(Timeout timeout = std::nullopt) { tasks_.join(Base::messages_, detail::Deadline(timeout)); }

  void close() {
    Base::close();
    tasks_.close();
  }
  void save(EncodeArchive& archive) const {
    millrace::detail::save_kind(archive, "a JoinableQueue");
    Base::messages_.save(archive);
    tasks_.save(archive);
  }
  void load(DecodeArchive& archive) {
    millrace::detail::load_kind(archive, "a JoinableQueue");
    Base::messages_.load(archive);
    tasks_.load(archive);
  }

 private:
  detail::TaskLedger tasks_;
};

}  // namespace millrace::multiprocessing
