#include "millrace/loader/engine/engine_start.h"

#include <utility>

#include "millrace/loader/device/device_copy.h"
#include "millrace/loader/engine/epoll_events.h"
#include "millrace/loader/engine/make_crew.h"
#include "millrace/loader/engine/setup.h"
#include "millrace/loader/engine/shared_parts.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/engine/worker_count.h"

namespace millrace {

EngineStart::EngineStart(LoaderParts parts, const DataLoaderOptions& options)
    : options_(checked(options)), parts_(std::move(parts)) {
  Source& source = *parts_.source;
  require_fitting(traits_of(source), options_);
  order_ = make_order(source, std::move(parts_.sampler), std::move(parts_.batch_sampler), options_);
  size_ = order_->size();
  epoch_ = order_->epoch();
  spec_ = known_spec(source, options_);
  warn_of_many_workers(options_.num_workers());
  processes_ = start_processes(source, std::move(parts_.travelling), options_);
  if (spec_) return;
  if (processes_)
    search_.emplace(*processes_, source, options_);
  else
    spec_ = read_spec(source);
}

EngineStart::~EngineStart() {
  if (!owner_.is_here()) static_cast<void>(processes_.release());  // The workers are the parent's.
}

std::unique_ptr<Engine> EngineStart::finish() {
  if (failure_) std::rethrow_exception(failure_);
  if (!spec_) spec_ = search_->find();
  try {
    return make();
  } catch (...) {
    failure_ = std::current_exception();
    throw;
  }
}

std::unique_ptr<Engine> EngineStart::make() {
  Source& source = *parts_.source;
  auto shared = std::make_unique<SharedParts>(*spec_, traits_of(source), options_);
  source.set_spec(*spec_);
  auto events = std::make_unique<EpollEvents>(shared->done, shared->memory.arena().returned());
  auto crew = make_crew(source, std::move(processes_), *shared, *events, options_);
  return std::make_unique<Engine>(Engine::Parts{std::move(parts_.source), std::move(order_), std::move(shared),
                                                std::move(events), std::move(crew), worker_deaths()},
                                  options_);
}

std::vector<pid_t> EngineStart::worker_pids() const {
  std::vector<pid_t> pids;
  for (size_t w = 0; processes_ && w < processes_->size(); ++w)
    if (const pid_t pid = (*processes_)[w].child.pid()) pids.push_back(pid);
  return pids;
}

}  // namespace millrace
