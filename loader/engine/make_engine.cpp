#include "millrace/loader/engine/make_engine.h"

#include <utility>

#include "millrace/loader/engine/epoll_events.h"
#include "millrace/loader/engine/make_crew.h"
#include "millrace/loader/engine/setup.h"
#include "millrace/loader/engine/shared_parts.h"

namespace millrace {

std::unique_ptr<Engine> make_engine(LoaderParts parts, const DataLoaderOptions& options) {
  const DataLoaderOptions good = checked(options);
  auto shared = std::make_unique<SharedParts>(*parts.source, good);
  auto order = make_order(*parts.source, std::move(parts.sampler), std::move(parts.batch_sampler), good);
  auto events = std::make_unique<EpollEvents>(shared->done, shared->memory.arena().returned());
  auto crew = make_crew(*parts.source, std::move(parts.travelling), *shared, *events, good);
  return std::make_unique<Engine>(
      Engine::Parts{std::move(parts.source), std::move(order), std::move(shared), std::move(events), std::move(crew)},
      good);
}

}  // namespace millrace
