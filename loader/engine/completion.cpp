#include "millrace/loader/engine/completion.h"

#include <algorithm>

namespace millrace {

bool Completion::is_complete(size_t slot) const {
  if (in_flight_.plan(slot).error) return true;  // No worker will ever see it.
  for (size_t r = 0; r < in_flight_[slot].range_deaths.size(); ++r)
    if (board_.range(slot, r).pending()) return false;
  return true;
}

bool Completion::is_sound(size_t slot) const {
  if (in_flight_.plan(slot).error) return false;
  for (size_t r = 0; r < in_flight_[slot].range_deaths.size(); ++r) {
    const RangeWord word = board_.range(slot, r);
    if (word.state != RangeState::kDone || word.generation != in_flight_[slot].generation) return false;
  }
  return true;
}

std::optional<size_t> Completion::find() const {
  if (turn_ == Turn::kInOrder) {
    const auto slot = in_flight_.find_open(cursor_.next_in_order());
    return slot && is_complete(*slot) ? slot : std::nullopt;
  }
  std::optional<size_t> oldest;
  for (size_t slot = 0; slot < in_flight_.size(); ++slot) {
    const auto& batch = in_flight_[slot];
    if (batch.state != SlotState::kOpen || batch.epoch != cursor_.epoch() || !is_complete(slot)) continue;
    // A stream's worker finishes its batches in order, but a look at the slots, one after the other, may find the later
    // one complete and not yet the earlier.
    if (turn_ == Turn::kInOrderOfEachStream && !in_flight_.is_first_of_its_stream(slot)) continue;
    if (!oldest || batch.sequence < in_flight_[*oldest].sequence) oldest = slot;
  }
  return oldest;
}

std::optional<uint64_t> Completion::awaited() const {
  if (turn_ != Turn::kInOrder || !in_flight_.find_open(cursor_.next_in_order())) return std::nullopt;
  return cursor_.next_in_order();
}

std::vector<size_t> Completion::coming(size_t most) const {
  auto next = in_flight_.open_in_order();
  if (turn_ != Turn::kInOrder) std::erase_if(next, [&](size_t slot) { return !is_complete(slot); });
  next.resize(std::min(next.size(), most));
  return next;
}

bool Completion::epoch_is_over() const {
  if (!cursor_.epoch_is_planned()) return false;
  for (size_t slot = 0; slot < in_flight_.size(); ++slot)
    if (in_flight_[slot].state == SlotState::kOpen && in_flight_[slot].epoch == cursor_.epoch()) return false;
  return true;
}

Completion::Turn turn_of(SourceTraits traits, const DataLoaderOptions& options) {
  if (options.in_order()) return Completion::Turn::kInOrder;
  return traits.streamed ? Completion::Turn::kInOrderOfEachStream : Completion::Turn::kAsCompleted;
}

}  // namespace millrace
