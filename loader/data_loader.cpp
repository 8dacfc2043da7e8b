#include "millrace/loader/data_loader.h"

#include <utility>

#include "millrace/loader/engine/delivery.h"
#include "millrace/loader/engine/engine.h"
#include "millrace/loader/engine/make_engine.h"

namespace millrace {

DataLoaderBase::DataLoaderBase(LoaderParts parts, const DataLoaderOptions& options)
    : engine_(make_engine(std::move(parts), options)) {}
DataLoaderBase::~DataLoaderBase() = default;

Engine& DataLoaderBase::own_engine() const {
  engine_->require_owner();
  return *engine_;
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
int64_t DataLoaderBase::size() const { return engine_->size(); }
int64_t DataLoaderBase::epoch() const { return engine_->epoch(); }
void DataLoaderBase::set_epoch(int64_t epoch) { own_engine().set_epoch(epoch); }
LoaderState DataLoaderBase::state_dict() const { return own_engine().state(); }
void DataLoaderBase::load_state_dict(const LoaderState& state) { own_engine().load_state(state); }
void DataLoaderBase::wait_ready() { own_engine().wait_ready(); }
LoaderStats DataLoaderBase::stats() const { return engine_->stats(); }
cuda::api::Stream DataLoaderBase::copy_stream(int device) { return own_engine().copy_stream(device); }
const DataLoaderOptions& DataLoaderBase::options() const { return engine_->options(); }
const SampleSpec& DataLoaderBase::spec() const { return engine_->spec(); }
std::vector<pid_t> DataLoaderBase::worker_pids() const { return engine_->worker_pids(); }

}  // namespace millrace
