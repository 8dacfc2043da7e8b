#include "millrace/loader/data_loader.h"

#include <stdexcept>
#include <utility>

#include "millrace/loader/engine/delivery.h"
#include "millrace/loader/engine/engine.h"
#include "millrace/loader/engine/engine_start.h"

namespace millrace {

DataLoaderBase::DataLoaderBase(LoaderParts parts, const DataLoaderOptions& options)
    : start_(std::make_unique<EngineStart>(std::move(parts), options)) {
  if (start_->knows_spec()) engine();
}
DataLoaderBase::~DataLoaderBase() = default;

void DataLoaderBase::require_owner() const { engine_ ? engine_->require_owner() : start_->require_owner(); }

Engine& DataLoaderBase::engine() const {
  if (!engine_) {
    start_->require_owner();
    engine_ = start_->finish();
    start_.reset();
  }
  return *engine_;
}

Engine& DataLoaderBase::own_engine() const {
  require_owner();
  return engine();
}

std::optional<Batch> DataLoaderBase::next_batch() {
  auto delivery = own_engine().next();
  if (!delivery) return std::nullopt;
  try {
    return Batch(*std::move(delivery));
  } catch (const DecodeError& e) {
    refuse_contents(e);
  }
}

std::optional<PackedBatch> DataLoaderBase::next_packed() {
  auto delivery = own_engine().next();
  return delivery ? std::move(delivery->packed) : std::nullopt;
}

void DataLoaderBase::leave_unfinished_epoch() { own_engine().leave_unfinished_epoch(); }
void DataLoaderBase::refuse_contents(const DecodeError& error) { engine_->refuse_contents(error); }
void DataLoaderBase::set_epoch(int64_t epoch) { own_engine().set_epoch(epoch); }
LoaderState DataLoaderBase::state_dict() const { return own_engine().state(); }
void DataLoaderBase::load_state_dict(const LoaderState& state) { own_engine().load_state(state); }
void DataLoaderBase::wait_ready() { own_engine().wait_ready(); }
cuda::api::Stream DataLoaderBase::copy_stream(int device) { return own_engine().copy_stream(device); }
const SampleSpec& DataLoaderBase::spec() const { return engine().spec(); }

// --- what can be said before the engine is there ---

int64_t DataLoaderBase::size() const {
  if (const auto size = engine_ ? engine_->size() : start_->size()) return *size;
  throw std::logic_error(
      "this loader has no size(): its dataset does not know how many samples it gives; its own size() would tell");
}

int64_t DataLoaderBase::epoch() const { return engine_ ? engine_->epoch() : start_->epoch(); }

LoaderStats DataLoaderBase::stats() const {
  if (engine_) return engine_->stats();
  LoaderStats stats;
  stats.worker_deaths = start_->worker_deaths();
  return stats;
}

StageReport DataLoaderBase::stages() const { return engine_ ? engine_->stages() : StageReport(); }

StageSpans DataLoaderBase::take_spans() { return engine_ ? engine_->take_spans() : StageSpans(); }

const DataLoaderOptions& DataLoaderBase::options() const { return engine_ ? engine_->options() : start_->options(); }

std::vector<pid_t> DataLoaderBase::worker_pids() const {
  return engine_ ? engine_->worker_pids() : start_->worker_pids();
}

}  // namespace millrace
