#include "millrace/loader/engine/make_crew.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/engine/inline_crew.h"
#include "millrace/loader/engine/process_crew.h"
#include "millrace/loader/engine/thread_crew.h"
#include "millrace/loader/engine/worker.h"

namespace millrace {

std::unique_ptr<Crew> make_crew(Source& source, std::optional<TravellingDataset> travelling, SharedParts& shared,
                                EpollEvents& events, const DataLoaderOptions& options) {
  const WorkerRole role{-1, 0, static_cast<int>(options.num_workers()), options.seed_mode(), options.worker_init_fn()};
  SlotMemory& memory = shared.memory;
  const Worker::Place place{shared.workers_board, memory.slot(0), memory.device_arena(),
                            shared.layout,        shared.done,    nullptr};
  if (role.num_workers == 0) return std::make_unique<InlineCrew>(place, source, role);
  if (options.worker_mode() == WorkerMode::kThread)
    return std::make_unique<ThreadCrew>(shared.board, place, source, role);
  if (options.start_method() != StartMethod::kFork && !travelling)
    throw std::invalid_argument(
        std::string("this dataset cannot travel to ") + to_string(options.start_method()) +
        " workers. Three cures: give it a default constructor and a serialize member that covers its fields; pass "
        "recipe(function, arguments...) instead of the object, so that each worker builds its own; or use what "
        "inherits live objects, start_method(StartMethod::kFork) or worker_mode(WorkerMode::kThread)");
  return std::make_unique<ProcessCrew>(
      ProcessCrew::Plan{options.start_method(), shared.board, shared.board_segment, memory.arena(),
                        memory.device_arena(), shared.layout, *shared.spec, shared.done, std::move(travelling), &source,
                        role},
      events);
}

}  // namespace millrace
