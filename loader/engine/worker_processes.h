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
  FdSocket control;          ///< Its socket, see worker_protocol.h; empty once it hung up, or its owner died.
  uint32_t incarnation = 0;  ///< Counted from 1 in steps of the number of workers, so that it tells the place as well.
  bool is_attached = false;  ///< Whether it ends when its board says so, and not before.
};

/// The worker processes of a loader: what there is of a crew before it has a board. Each builds its dataset and then
/// does what it is told. Used by the loader's thread.
class WorkerProcesses {
 public:
  /// What the processes are made from. Whatever it refers to is borrowed.
  struct Plan {
    StartMethod method;
    std::optional<TravellingDataset> travelling;  ///< The dataset for kForkServer and kSpawn.
    Source* live;                                 ///< The source for kFork, inherited as it is.
    WorkerRole role;                              ///< The role, without number and incarnation.
  };

  /// Starts plan.role.num_workers processes. Throws what start_child() throws.
  explicit WorkerProcesses(Plan plan);
  WorkerProcesses(const WorkerProcesses&) = delete;
  WorkerProcesses& operator=(const WorkerProcesses&) = delete;

  /// Calls end().
  ~WorkerProcesses() { end(); }

  size_t size() const { return workers_.size(); }
  WorkerProcess& operator[](size_t worker) { return workers_[worker]; }
  const WorkerProcess& operator[](size_t worker) const { return workers_[worker]; }

  /// Starts a worker in the place of one that has ended. Throws ForkServerStopped, and then may be called again.
  void start(size_t worker);

  /// The place of the worker with that incarnation, living or dead. REQUIRES: incarnation > 0.
  size_t place_of(uint32_t incarnation) const;

  /// A message of a worker. nullopt where it has sent none that was not given yet; its socket is empty then if it has
  /// hung up. Throws DecodeError or cereal::Exception for what no worker says.
  std::optional<WorkerMessage> told(size_t worker);

  /// Ends all workers: two seconds for the sample at hand, then SIGKILL. The board of attached workers must have told
  /// them to stop before.
  void end();

 private:
  const Plan plan_;
  std::vector<WorkerProcess> workers_;
};

}  // namespace millrace
