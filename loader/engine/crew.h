#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "millrace/loader/engine/board.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/process/exit_status.h"

namespace millrace {

/// The workers that read a loader's samples: the trainer itself, threads or processes. A crew starts with its object,
/// ends with it, and reports; others decide what follows from a death. Used by the loader's thread.
class Crew {
 public:
  /// A worker that ended unasked.
  struct Death {
    size_t worker = 0;
    uint32_t incarnation = 0;
    pid_t pid = 0;
    ExitStatus status = ExitStatus::unknown();
    bool was_ready = false;   ///< Whether it had built its dataset.
    std::string start_error;  ///< Why it could not build its dataset, if it said so.
  };

  virtual ~Crew() = default;

  /// The number of workers' places on the board, at least one.
  virtual size_t size() const = 0;

  /// Reads one open range in the calling thread. False where none is open, or where workers read by themselves.
  virtual bool fill_one() { return false; }

  /// The socket through which a worker sends what is larger than a slot. Empty while its place is.
  virtual const FdSocket& overflow(size_t worker) const = 0;

  /// Whether a worker that is at work has that incarnation.
  virtual bool has(uint32_t incarnation) const = 0;

  /// The number of the worker with that incarnation, living or dead; -1 is the trainer.
  virtual int number_of(uint32_t incarnation) const = 0;

  /// Tells workers that cannot be killed to end, and waits for so long at most: whether they have ended. The crew reads
  /// no more. The end of other crews is bounded.
  virtual bool end_within(std::chrono::nanoseconds /*limit*/) { return true; }

  // --- for processes; other crews need not define it ---

  /// The worker's process id; 0 where it is no process of its own.
  virtual pid_t pid(size_t /*worker*/) const { return 0; }

  /// What the worker does, as the kernel says: "stopped", "waits in folio_wait_bit_common". Empty where it is no
  /// process of its own, or has gone.
  virtual std::string kernel_state(size_t /*worker*/) const { return {}; }

  /// True once every worker has built its dataset.
  virtual bool all_ready() const { return true; }

  /// Whether the notes in a worker's beacon are its own.
  virtual bool is_its(const Beacon& /*beacon*/, size_t /*worker*/) const { return true; }

  /// Notes the worker's end, if it has ended; nullopt if it still runs. Called when something may have happened to it.
  virtual std::optional<Death> bury(size_t /*worker*/) { return std::nullopt; }

  /// Takes the overflow() of a worker that was buried, with what it sent before it died; it is empty then.
  virtual FdSocket take_overflow(size_t /*worker*/) { return {}; }

  /// Starts a worker in the place of one that was buried. Throws ForkServerStopped, and then may be called again.
  virtual void replace(size_t /*worker*/) {}

  /// Kills the worker by SIGKILL; its end is reported as any other. False where it cannot be killed.
  virtual bool kill(size_t /*worker*/) { return false; }
};

}  // namespace millrace
