#include "millrace/loader/engine/make_crew.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/engine/inline_crew.h"
#include "millrace/loader/engine/process_crew.h"
#include "millrace/loader/engine/thread_crew.h"
#include "millrace/loader/engine/worker.h"

namespace millrace {
namespace {

WorkerRole role_of(const DataLoaderOptions& options) {
  return {.num_workers = static_cast<int>(options.num_workers()),
          .seed_mode = options.seed_mode(),
          .init = options.worker_init_fn()};
}

}  // namespace

std::unique_ptr<WorkerProcesses> start_processes(Source& source, std::optional<TravellingDataset> travelling,
                                                 const DataLoaderOptions& options) {
  if (options.num_workers() == 0 || options.worker_mode() == WorkerMode::kThread) return nullptr;
  if (options.start_method() != StartMethod::kFork && !travelling)
    throw std::invalid_argument(
        std::string("this dataset cannot travel to ") + to_string(options.start_method()) +
        " workers. Three cures: give it a default constructor and a serialize member that covers its fields; pass "
        "recipe(function, arguments...) instead of the object, so that each worker builds its own; or use what "
        "inherits live objects, start_method(StartMethod::kFork) or worker_mode(WorkerMode::kThread)");
  return std::make_unique<WorkerProcesses>(
      WorkerProcesses::Plan{options.start_method(), std::move(travelling), &source, role_of(options)});
}

std::unique_ptr<Crew> make_crew(Source& source, std::unique_ptr<WorkerProcesses> processes, SharedParts& shared,
                                EpollEvents& events, const DataLoaderOptions& options) {
  SlotMemory& memory = shared.memory;
  if (processes)
    return std::make_unique<ProcessCrew>(
        std::move(processes),
        ProcessCrew::Place{shared.board, shared.board_segment, memory.arena(), memory.device_arena(), shared.layout,
                           *shared.spec, shared.done},
        events);
  const Worker::Place place{shared.workers_board, memory.slot(0), memory.device_arena(),
                            shared.layout,        shared.done,    nullptr};
  if (options.num_workers() == 0) return std::make_unique<InlineCrew>(place, source, role_of(options));
  return std::make_unique<ThreadCrew>(shared.board, place, source, role_of(options));
}

}  // namespace millrace
