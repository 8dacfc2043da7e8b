#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/pool/call_board.h"
#include "millrace/sharing/pool/worker.h"
#include "millrace/sharing/process/process.h"
#include "millrace/sharing/process/start_method.h"

namespace millrace::multiprocessing::detail {

/// The worker processes of a pool: a seat each, which the next one takes when a worker has ended. Not thread-safe.
///
/// If a process dies here: its death is an event of its seat, by its pidfd, behind all messages that it has sent.
class WorkerSeats {
 public:
  /// How workers are made.
  struct Making {
    StartMethod method;
    uint32_t max_tasks = 0;  ///< Tasks after which one is replaced; 0: never.
    std::optional<Initializer> initializer;
  };

  /// What happened at a seat.
  enum class Event { kDeath, kMessage };

  /// How a worker ended.
  struct End {
    pid_t pid = 0;
    int exitcode = 0;
    uint16_t number = 0;
  };

  /// No worker sits there yet. `board`, `bell` and `events`, in which deaths and messages are keys, live longer.
  WorkerSeats(Making making, size_t seats, const CallBoard& board, const EventFd& bell, Epoll& events);

  size_t size() const { return workers_.size(); }
  bool is_anyone_there() const;
  std::vector<pid_t> pids() const;

  /// Starts a worker on a free seat. Throws what Process::start() throws; then the seat stays free.
  void start(uint32_t seat);

  /// The key of an event, which is never UINT64_MAX, and back.
  static constexpr uint64_t key_of(uint32_t seat, Event event) {
    return 2 * uint64_t{seat} + (event == Event::kMessage ? 1 : 0);
  }
  static constexpr uint32_t seat_of(uint64_t key) { return static_cast<uint32_t>(key / 2); }
  static constexpr Event event_of(uint64_t key) { return key % 2 == 1 ? Event::kMessage : Event::kDeath; }

  /// What the worker of a seat is sent and sends; empty where the seat is free.
  const FdSocket& socket(uint32_t seat) const { return workers_[seat].socket; }

  /// Ends a worker that cannot be served; its death is an event.
  void kill(uint32_t seat);

  /// Takes a worker that has ended from its seat, and says how.
  End bury(uint32_t seat);

  /// Ends all of them, by SIGTERM first.
  void end_all();

  /// Calls `visit(number, pid)` for each worker.
  template <class Visit>
  void for_each(Visit visit) const {
    for (const Worker& worker : workers_)
      if (worker.process) visit(worker.number, worker.process->pid().value());
  }

 private:
  struct Worker {
    std::optional<Process> process;  // Empty while there is none on this seat.
    FdSocket socket;
    uint16_t number = 0;
  };

  uint16_t next_number();

  Making making_;
  const CallBoard& board_;
  const EventFd& bell_;
  Epoll& events_;
  std::vector<Worker> workers_;  // One for each seat.
  uint16_t last_number_ = 0;     // The last worker's. Comes round after 65,535 of them.
};

}  // namespace millrace::multiprocessing::detail
