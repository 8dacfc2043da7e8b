#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/loader/engine/worker.h"
#include "millrace/loader/engine/worker_protocol.h"
#include "millrace/loader/sources/source.h"
#include "millrace/loader/sources/travelling_dataset.h"
#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/start_method.h"

namespace millrace {

/// A worker process as its trainer knows it.
struct WorkerProcess {
  Child child;
  FdSocket control;          ///< See worker_protocol.h. Empty once it has hung up, or was taken from a dead worker.
  uint32_t incarnation = 0;  ///< From 1, in steps of the number of workers: it tells the place as well.
  bool is_attached = false;  ///< It ends when its board says so, and not before.
};

/// The worker processes of a loader, each of which builds its dataset and then does what it is told: what there is of a
/// crew before it has a board. Used by the loader's thread.
class WorkerProcesses {
 public:
  /// What they are made from. What it refers to is borrowed.
  struct Plan {
    StartMethod method;
    std::optional<TravellingDataset> travelling;  ///< For kForkServer and kSpawn.
    Source* live;                                 ///< For kFork: inherited as it is.
    WorkerRole role;                              ///< Without number and incarnation.
  };

  /// Starts plan.role.num_workers processes. Throws what start_child() throws.
  explicit WorkerProcesses(Plan plan);
  WorkerProcesses(const WorkerProcesses&) = delete;
  WorkerProcesses& operator=(const WorkerProcesses&) = delete;

  /// As end().
  ~WorkerProcesses() { end(); }

  size_t size() const { return workers_.size(); }
  WorkerProcess& operator[](size_t worker) { return workers_[worker]; }
  const WorkerProcess& operator[](size_t worker) const { return workers_[worker]; }

  /// Starts another in the place of one that has ended. Throws ForkServerStopped, and then may be called again.
  void start(size_t worker);

  /// The place of the worker with that incarnation, living or dead. REQUIRES: incarnation > 0.
  size_t place_of(uint32_t incarnation) const;

  /// What a worker has said. nullopt where it has said nothing that was not told yet; its socket is empty then when it
  /// has hung up. Throws DecodeError or cereal::Exception for what no worker says.
  std::optional<WorkerMessage> told(size_t worker);

  /// Ends all: two seconds for the sample at hand, then SIGKILL. Those that are attached must have been told by their
  /// board.
  void end();

 private:
  const Plan plan_;
  std::vector<WorkerProcess> workers_;
};

}  // namespace millrace
