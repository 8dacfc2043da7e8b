#include "millrace/loader/engine/order.h"

#include <algorithm>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/counted.h"

namespace millrace {
namespace {

constexpr int64_t kErrorsThatEndAnEpoch = 2;  // In a row.

[[noreturn]] void refuse_state(const std::string& why) {
  throw std::invalid_argument("this loader cannot go on from that state: " + why);
}

// Throws unless a fact holds that is true of every state that a loader has given.
void require_in_state(bool holds, const std::string& why) {
  if (!holds) refuse_state(why + ", so it was changed since a loader gave it");
}

std::string said(const char* name, int64_t value) {
  return std::string("its ") + name + " is " + std::to_string(value);
}

void require_count(const char* name, int64_t value) {
  require_in_state(value >= 0, said(name, value) + "; it cannot be negative");
}

}  // namespace

void IndexOrder::begin(int64_t epoch) {
  not_begun_ = nullptr;
  errors_in_row_ = 0;
  ended_ = false;
  try {
    if (epoch == epoch_ + 1) ends_[epoch_] = here();
    sampler_.set_epoch(epoch);
  } catch (...) {
    not_begun_ = std::current_exception();
  }
  epoch_ = epoch;
  batch_ = position_ = 0;
  if (epoch == ahead_epoch_) ahead_.clear();
}

bool IndexOrder::next(BatchPlan& plan, std::vector<int64_t>& indices) {
  do {
    if (ended_) return false;
    plan_next(plan, indices);
    if (ended_ && !plan.error) return false;
    ++batch_;
    position_ += std::ssize(indices);
  } while (epoch_ == ahead_epoch_ && std::find(ahead_.begin(), ahead_.end(), plan.batch) != ahead_.end());
  return true;
}

void IndexOrder::plan_next(BatchPlan& plan, std::vector<int64_t>& indices) {
  plan = {};
  plan.epoch = epoch_;
  plan.batch = batch_;
  plan.position = position_;
  plan.sampler.epoch = epoch_;
  try {
    if (not_begun_) std::rethrow_exception(not_begun_);
    plan.sampler = sampler_.state();
    ended_ = !sampler_.next(indices);
    errors_in_row_ = 0;
  } catch (...) {
    plan.error = std::current_exception();
    indices.clear();
    ended_ = not_begun_ || ++errors_in_row_ == kErrorsThatEndAnEpoch;
  }
}

void IndexOrder::passed(const BatchPlan& plan, const PackedBatch*) {
  ends_.erase(ends_.begin(), ends_.find(plan.epoch));
}

void IndexOrder::save(LoaderState& state, int64_t epoch, const BatchPlan* next) const {
  const auto end = ends_.find(epoch);
  const BatchPlan at = next != nullptr ? *next : end != ends_.end() && epoch != epoch_ ? end->second : here();
  state.batches = at.batch;
  state.position = at.position;
  state.sampler = at.sampler;
  for (const int64_t ahead : ahead_)
    if (epoch == ahead_epoch_ && ahead >= at.batch) state.ahead.push_back(ahead - at.batch);
}

void IndexOrder::load(const LoaderState& state) {
  require_own(state);
  sampler_.load_state(state.sampler);
  not_begun_ = nullptr;
  errors_in_row_ = 0;
  ended_ = false;
  epoch_ = state.epoch;
  batch_ = state.batches;
  position_ = state.position;
  ends_.clear();
  ahead_epoch_ = state.epoch;
  ahead_.clear();
  for (const int64_t ahead : state.ahead) ahead_.push_back(batch_ + ahead);
}

void IndexOrder::require_own(const LoaderState& state) const {
  if (!state.streams.empty()) refuse_state("it is one of streams, and this dataset is read by index");
  require_count("batches", state.batches);
  require_count("position", state.position);
  require_count("sampler's epoch", state.sampler.epoch);
  require_count("sampler's position", state.sampler.position);
  require_in_state(state.next_stream == 0, said("next_stream", state.next_stream) + ", but it has no streams");
  require_in_state(state.batches > 0 || state.position == 0,
                   said("position", state.position) + ", but no batch of the epoch was given");
  // Inner epochs are counted by samplers that repeat others; 0 is what one of the user's may say that counts none.
  require_in_state(state.sampler.epoch == 0 || state.sampler.epoch >= state.epoch,
                   said("sampler's epoch", state.sampler.epoch) + ", but its epoch is " + std::to_string(state.epoch));
  // A sampler has given all that arrived, and what was lost to errors, or went to other ranks, besides.
  require_in_state(
      sampler_.position_unit() != PositionUnit::kIndices || state.sampler.epoch != state.epoch ||
          state.sampler.position >= state.position,
      said("sampler's position", state.sampler.position) + ", but its position is " + std::to_string(state.position));
  std::set<int64_t> seen;
  for (const int64_t ahead : state.ahead) {
    require_count("ahead", ahead);
    require_in_state(seen.insert(ahead).second,
                     "it says twice that batch " + std::to_string(ahead) + " was given ahead");
  }
}

StreamOrder::StreamOrder(int64_t num_streams, int64_t batch_size, bool drop_last, size_t samples)
    : batch_size_(batch_size), drop_last_(drop_last), streams_(static_cast<size_t>(num_streams)) {
  // PyTorch's rule: how a single stream would be cut.
  const auto n = static_cast<int64_t>(samples);
  if (n > 0) size_ = drop_last ? n / batch_size : (n + batch_size - 1) / batch_size;
}

void StreamOrder::begin(int64_t epoch) {
  streams_.assign(streams_.size(), {});
  epoch_ = epoch;
  batch_ = turn_ = delivered_turn_ = delivered_batches_ = 0;
}

bool StreamOrder::next(BatchPlan& plan, std::vector<int64_t>& indices) {
  indices.clear();
  const auto count = std::ssize(streams_);
  for (int64_t tries = 0; tries < count; ++tries) {
    const int64_t turn = turn_;
    turn_ = (turn_ + 1) % count;
    Stream& stream = streams_[static_cast<size_t>(turn)];
    if (stream.delivered.ended) continue;
    plan = {};
    plan.epoch = epoch_;
    plan.batch = batch_++;
    plan.position = stream.planned;
    plan.stream = {epoch_,
                   turn,
                   count,
                   stream.planned,
                   batch_size_,
                   drop_last_,
                   false,
                   stream.delivered.position,
                   stream.delivered.state};
    stream.planned += batch_size_;
    return true;
  }
  return false;
}

void StreamOrder::passed(const BatchPlan& plan, const PackedBatch* packed) {
  if (plan.epoch != epoch_) return;
  auto& delivered = streams_[static_cast<size_t>(plan.stream.stream)].delivered;
  delivered_turn_ = (plan.stream.stream + 1) % std::ssize(streams_);
  if (packed == nullptr || packed->samples > 0) ++delivered_batches_;
  delivered.position = plan.stream.position + batch_size_;
  if (packed == nullptr) {
    delivered.state.clear();  // Not known behind a lost batch: the stream is read again from its start.
    return;
  }
  delivered.state = packed->state;
  delivered.ended = packed->ended;
}

void StreamOrder::save(LoaderState& state, int64_t, const BatchPlan*) const {
  for (const auto& stream : streams_) state.streams.push_back(stream.delivered);
  state.next_stream = delivered_turn_;
  state.batches = delivered_batches_;
}

void StreamOrder::load(const LoaderState& state) {
  require_own(state);
  begin(state.epoch);
  for (size_t s = 0; s < streams_.size(); ++s) {
    streams_[s].delivered = state.streams[s];
    streams_[s].planned = state.streams[s].position;
  }
  turn_ = delivered_turn_ = state.next_stream;
  batch_ = delivered_batches_ = state.batches;
}

void StreamOrder::require_own(const LoaderState& state) const {
  if (state.streams.empty()) refuse_state("it is one of a dataset that is read by index, and this one gives streams");
  if (state.streams.size() != streams_.size())
    refuse_state("it is one of " + counted(state.streams.size(), "stream") + ", this loader has " +
                 std::to_string(streams_.size()) + ": set DataLoaderOptions::num_streams to what it was");
  require_in_state(state.next_stream >= 0 && state.next_stream < std::ssize(streams_),
                   said("next_stream", state.next_stream) + ", but there are " + counted(streams_.size(), "stream"));
  require_in_state(state.sampler == SamplerState() && state.position == 0 && state.ahead.empty(),
                   "it says where a sampler is, but streams have none");
  require_count("batches", state.batches);
  int64_t samples = 0;
  for (const auto& stream : state.streams) {
    require_in_state(stream.position >= 0 && stream.position <= std::numeric_limits<int64_t>::max() - samples,
                     "it has a stream at position " + std::to_string(stream.position));
    require_in_state(stream.position > 0 || (!stream.ended && stream.state.empty()),
                     "it has a stream at position 0 that has been read");
    samples += stream.position;
  }
  require_in_state(state.batches <= samples, said("batches", state.batches) + ", but its streams have given " +
                                                 counted(samples, "sample") + " at most");
}

}  // namespace millrace
