#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/loader/board.h"
#include "millrace/loader/datasets/dataset.h"
#include "millrace/loader/errors.h"
#include "millrace/loader/options.h"
#include "millrace/loader/worker.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/memory/arena.h"
#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/process/child.h"

namespace millrace {

/// Worker threads. They borrow everything in `place` and read from clones of `source`.
class ThreadCrew {
 public:
  /// Of role.num_workers threads; place.spill and the role's own number are set for each.
  ThreadCrew(const Worker::Place& place, const Source& source, const WorkerRole& role);

  /// Tells the board to stop and waits until every thread has finished the sample it is reading: a thread cannot be
  /// killed.
  ~ThreadCrew();

  /// Where a worker sends what is larger than a slot.
  const FdSocket& spill(size_t worker) const { return spills_[worker].first; }

 private:
  void end();

  const Board& board_;
  std::vector<std::pair<FdSocket, FdSocket>> spills_;  // Ours, theirs.
  std::vector<std::thread> threads_;
};

/// Worker processes: starts them, learns of their deaths, replaces them, ends them. Used by the loader's thread.
class ProcessCrew {
 public:
  /// What a worker process is made from. Borrowed for the crew's life.
  struct Plan {
    StartMethod method;
    const Board& board;
    const SharedSegment& board_segment;
    const Arena& arena;
    const cuda::DeviceArena* device_arena;  ///< May be null.
    const SlotLayout& layout;
    const SampleSpec& spec;
    const EventFd& done;
    const TravellingDataset* travelling;  ///< For kForkServer and kSpawn.
    Source* live;                         ///< For kFork: inherited as it is.
    WorkerRole role;                      ///< Without number and incarnation.
  };

  /// A worker process that ended unasked.
  struct Death {
    size_t worker = 0;
    uint32_t incarnation = 0;
    pid_t pid = 0;
    ExitStatus status = ExitStatus::unknown();
    bool was_ready = false;   ///< It had built its dataset.
    std::string start_error;  ///< Why it could not, if it said so.
  };

  /// Starts plan.role.num_workers processes and makes `epoll` report key `first_key` + worker when one ends.
  ProcessCrew(const Plan& plan, Epoll& epoll, uint64_t first_key);

  /// Ends all workers: two seconds for the sample at hand, then SIGKILL.
  ~ProcessCrew();

  /// Called when `epoll` reported `worker`: takes note of its end. nullopt if it still runs.
  std::optional<Death> bury(size_t worker);

  /// Starts a new process in the place of one that was buried. Throws ForkServerStopped, and then may be asked again.
  void replace(size_t worker);

  /// True once every worker has built its dataset.
  bool all_ready() const;

  size_t size() const { return members_.size(); }
  pid_t pid(size_t worker) const { return members_[worker].child.pid(); }
  uint32_t incarnation(size_t worker) const { return members_[worker].incarnation; }

  /// Where a worker sends what is larger than a slot.
  const FdSocket& spill(size_t worker) const { return members_[worker].control; }

  /// That of one that was buried, with what it sent before it died; spill() is empty then, until it is replaced.
  FdSocket take_spill(size_t worker) { return std::exchange(members_[worker].control, {}); }

  /// SIGKILL. Its end is reported as any other.
  void kill(size_t worker) { members_[worker].child.kill(SIGKILL); }

  /// The worker with that incarnation, if it lives.
  std::optional<size_t> find(uint32_t incarnation) const;

 private:
  struct Member {
    Child child;
    FdSocket control;  // The worker says here why it could not start; later it sends what is larger than a slot.
    uint32_t incarnation = 0;
  };

  void start(size_t worker);
  void end();
  bool is_ready(size_t worker) const;

  Plan plan_;
  Epoll& epoll_;
  uint64_t first_key_;
  std::vector<Member> members_;
  uint32_t last_incarnation_ = 0;
};

}  // namespace millrace
