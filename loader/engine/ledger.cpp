#include "millrace/loader/engine/ledger.h"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace millrace {

Ledger::Ledger(size_t slots) : slots_(slots) {
  for (size_t i = slots; i > 0; --i) free_.push_back(i - 1);
}

size_t Ledger::count(SlotState state) const {
  return static_cast<size_t>(
      std::count_if(slots_.begin(), slots_.end(), [&](const Slot& s) { return s.state == state; }));
}

std::optional<size_t> Ledger::open(uint64_t sequence, int64_t epoch, size_t ranges, std::vector<int64_t>& indices) {
  if (free_.empty()) return std::nullopt;
  const size_t index = free_.back();
  free_.pop_back();
  Slot& slot = slots_[index];
  slot.state = SlotState::kOpen;
  slot.sequence = sequence;
  slot.epoch = epoch;
  slot.indices.swap(indices);
  slot.range_deaths.assign(ranges, 0);
  return index;
}

void Ledger::lend(size_t slot, Time now) {
  require(slot, SlotState::kOpen, "lent");
  slots_[slot].state = SlotState::kLent;
  slots_[slot].lent_since = now;
}

void Ledger::cancel(size_t slot) {
  require(slot, SlotState::kOpen, "cancelled");
  slots_[slot].state = SlotState::kDraining;
}

void Ledger::settle(size_t slot) {
  if (slots_[slot].state != SlotState::kDraining) require(slot, SlotState::kLent, "settled");
  slots_[slot].state = SlotState::kSettling;
}

void Ledger::release(size_t slot) {
  if (slots_[slot].state == SlotState::kFree)
    throw std::logic_error("slot " + std::to_string(slot) + " was released twice");
  slots_[slot].state = SlotState::kFree;
  ++slots_[slot].generation;
  free_.push_back(slot);
}

int64_t Ledger::count_death(size_t slot, size_t range) { return ++slots_[slot].range_deaths[range]; }

void Ledger::drop_gaps(size_t slot) {
  std::erase_if(slots_[slot].indices, [](int64_t index) { return index < 0; });
}

std::optional<size_t> Ledger::find_open(uint64_t sequence) const {
  for (size_t i = 0; i < slots_.size(); ++i)
    if (slots_[i].state == SlotState::kOpen && slots_[i].sequence == sequence) return i;
  return std::nullopt;
}

void Ledger::require(size_t slot, SlotState state, const char* step) const {
  if (slots_[slot].state != state)
    throw std::logic_error("slot " + std::to_string(slot) + " cannot be " + step + " in its state");
}

}  // namespace millrace
