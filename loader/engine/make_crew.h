#pragma once

#include <memory>
#include <optional>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/epoll_events.h"
#include "millrace/loader/engine/shared_parts.h"
#include "millrace/loader/options.h"
#include "millrace/loader/sources/source.h"
#include "millrace/loader/sources/travelling_dataset.h"

namespace millrace {

/// The crew that the options ask for, which reads from `source` into `shared`; `events` tell of its ends. It borrows
/// all three. Throws std::invalid_argument for a dataset that must travel to workers and cannot.
std::unique_ptr<Crew> make_crew(Source& source, std::optional<TravellingDataset> travelling, SharedParts& shared,
                                EpollEvents& events, const DataLoaderOptions& options);

}  // namespace millrace
