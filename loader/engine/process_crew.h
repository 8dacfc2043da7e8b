#pragma once

#include <sys/types.h>

#include <chrono>
#include <csignal>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/dataset.h"
#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/epoll_events.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/worker.h"
#include "millrace/loader/errors.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/travelling_dataset.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/memory/arena.h"
#include "millrace/sharing/process/child.h"

namespace millrace {

/// Worker processes: starts them, learns of their deaths, replaces them, ends them. Used by the loader's thread.
class ProcessCrew final : public Crew {
 public:
  /// What a worker process is made from. What it refers to is borrowed for the crew's life.
  struct Plan {
    StartMethod method;
    TrainerBoard& board;
    const SharedSegment& board_segment;
    const Arena& arena;
    const cuda::DeviceArena* device_arena;  ///< May be null.
    const SlotLayout& layout;
    const SampleSpec& spec;
    const EventFd& done;
    std::optional<TravellingDataset> travelling;  ///< For kForkServer and kSpawn.
    Source* live;                                 ///< For kFork: inherited as it is.
    WorkerRole role;                              ///< Without number and incarnation.
  };

  /// Starts plan.role.num_workers processes; `events`, which are borrowed, tell when one ends.
  ProcessCrew(Plan plan, EpollEvents& events);

  /// Ends all workers: two seconds for the sample at hand, then SIGKILL.
  ~ProcessCrew() override;

  size_t size() const override { return members_.size(); }
  const FdSocket& overflow(size_t worker) const override { return members_[worker].control; }
  bool has(uint32_t incarnation) const override { return find(incarnation).has_value(); }
  int number_of(uint32_t incarnation) const override;
  pid_t pid(size_t worker) const override { return members_[worker].child.pid(); }
  bool all_ready() const override;
  bool is_its(const Beacon& beacon, size_t worker) const override;
  std::optional<Death> bury(size_t worker) override;
  FdSocket take_overflow(size_t worker) override { return std::exchange(members_[worker].control, {}); }
  void replace(size_t worker) override { start(worker); }
  bool kill(size_t worker) override;

 private:
  struct Member {
    Child child;
    FdSocket control;  // The worker says here why it could not start; later it sends what is larger than a slot.
    uint32_t incarnation = 0;
  };

  void start(size_t worker);
  void end();
  bool is_ready(size_t worker) const;
  std::optional<size_t> find(uint32_t incarnation) const;

  Plan plan_;
  EpollEvents& events_;
  std::vector<Member> members_;
  uint32_t last_incarnation_ = 0;
};

}  // namespace millrace
