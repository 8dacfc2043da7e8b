#pragma once

#include <memory>
#include <optional>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/epoll_events.h"
#include "millrace/loader/engine/shared_parts.h"
#include "millrace/loader/engine/worker_processes.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/source.h"
#include "millrace/loader/sources/travelling_dataset.h"

namespace millrace {

/// Starts the worker processes that the options ask for, which then build their datasets; null where none are wanted.
/// They borrow the source. Throws std::invalid_argument for a dataset that must travel to workers and cannot.
std::unique_ptr<WorkerProcesses> start_processes(Source& source, std::optional<TravellingDataset> travelling,
                                                 const DataLoaderOptions& options);

/// The crew that the options ask for, of these processes or without any. It reads from `source` into `shared`, and
/// `events` tell of its ends. It borrows all three.
std::unique_ptr<Crew> make_crew(Source& source, std::unique_ptr<WorkerProcesses> processes, SharedParts& shared,
                                EpollEvents& events, const DataLoaderOptions& options);

}  // namespace millrace
