#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/epoll_events.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/worker_processes.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/memory/arena.h"
#include "millrace/sharing/memory/slot_layout.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/process/kernel_state.h"

namespace millrace {

/// Worker processes that are attached to a board: learns of their deaths, replaces them, ends them. Used by the
/// loader's thread.
class ProcessCrew final : public Crew {
 public:
  /// The memory that workers are attached to, borrowed for the crew's life.
  struct Place {
    TrainerBoard& board;
    const SharedSegment& board_segment;
    const Arena& arena;
    const cuda::DeviceArena* device_arena;  ///< May be null.
    const SlotLayout& layout;
    const SampleSpec& spec;
    const EventFd& done;
  };

  /// Attaches the processes; `events`, which are borrowed, tell when one ends.
  ProcessCrew(std::unique_ptr<WorkerProcesses> processes, const Place& place, EpollEvents& events);

  /// Ends all workers: two seconds for the sample at hand, then SIGKILL.
  ~ProcessCrew() override { end(); }

  size_t size() const override { return processes_->size(); }
  const FdSocket& overflow(size_t worker) const override { return of(worker).control; }
  bool has(uint32_t incarnation) const override;
  int number_of(uint32_t incarnation) const override;
  pid_t pid(size_t worker) const override { return of(worker).child.pid(); }
  std::string kernel_state(size_t worker) const override { return millrace::kernel_state(pid(worker)).text; }
  bool all_ready() const override;
  bool is_its(const Beacon& beacon, size_t worker) const override;
  std::optional<Death> bury(size_t worker) override;
  FdSocket take_overflow(size_t worker) override { return std::exchange(of(worker).control, {}); }
  void replace(size_t worker) override;
  bool kill(size_t worker) override;

 private:
  WorkerProcess& of(size_t worker) const { return (*processes_)[worker]; }
  void attach(size_t worker);
  void end();
  bool is_ready(size_t worker) const;
  std::string start_error(size_t worker);

  const std::unique_ptr<WorkerProcesses> processes_;
  const Place place_;
  EpollEvents& events_;
};

}  // namespace millrace
