#include "millrace/loader/engine/cursor.h"

#include <utility>

namespace millrace {

std::optional<uint64_t> Cursor::plan_next(BatchPlan& plan, std::vector<int64_t>& indices) {
  if (exhausted_) return std::nullopt;
  while (!order_->next(plan, indices)) {
    // An epoch of no batches is followed by others of none.
    if (reach_ == Reach::kEpoch || planned_in_epoch_ == 0) {
      exhausted_ = true;
      return std::nullopt;
    }
    begin_planning(planned_epoch_ + 1);
  }
  ++planned_in_epoch_;
  return next_sequence_++;
}

void Cursor::begin_planning(int64_t epoch) {
  planned_epoch_ = epoch;
  planned_in_epoch_ = 0;
  exhausted_ = false;
  order_->begin(epoch);
}

void Cursor::pass(uint64_t sequence, const BatchPlan& plan, const PackedBatch* packed) {
  if (sequence != next_in_order_) {
    passed_ahead_[sequence] = plan.batch;
  } else {
    ++next_in_order_;
    while (!passed_ahead_.empty() && passed_ahead_.begin()->first == next_in_order_) {
      passed_ahead_.erase(passed_ahead_.begin());
      ++next_in_order_;
    }
  }
  order_->passed(plan, packed);
}

void Cursor::begin_next_epoch() {
  ++epoch_;
  delivered_ = 0;
  if (planned_epoch_ < epoch_) begin_planning(epoch_);
}

void Cursor::go_to(int64_t epoch) {
  leave_planned();
  epoch_ = epoch;
  begin_planning(epoch);
}

void Cursor::leave_planned() {
  passed_ahead_.clear();
  next_in_order_ = next_sequence_;
  delivered_ = 0;
}

void Cursor::save(LoaderState& state, const BatchPlan* next) const {
  state.order = order_->name();
  state.epoch = epoch_;
  order_->save(state, epoch_, next != nullptr && next->epoch == epoch_ ? next : nullptr);
  if (!state.streams.empty()) return;  // Each stream says by itself where it stands.
  for (const auto& [sequence, batch] : passed_ahead_) state.ahead.push_back(batch - state.batches);
}

void Cursor::load(const LoaderState& state) {
  order_->load(state);
  leave_planned();
  epoch_ = planned_epoch_ = state.epoch;
  planned_in_epoch_ = 0;
  exhausted_ = false;
}

}  // namespace millrace
