#include "millrace/loader/engine/in_flight.h"

#include <algorithm>
#include <utility>

namespace millrace {

std::vector<size_t> InFlight::open_in_order() const {
  std::vector<size_t> slots;
  for (size_t slot = 0; slot < size(); ++slot)
    if (ledger_[slot].state == SlotState::kOpen) slots.push_back(slot);
  std::ranges::sort(slots, {}, [&](size_t slot) { return ledger_[slot].sequence; });
  return slots;
}

size_t InFlight::open(uint64_t sequence, const BatchPlan& plan, size_t ranges, std::vector<int64_t>& indices) {
  const size_t slot = ledger_.open(sequence, plan.epoch, ranges, indices).value();
  records_[slot] = {plan, {}, {}, {}};
  return slot;
}

void InFlight::cancel(size_t slot) {
  ledger_.cancel(slot);
  records_[slot].message.reset();
}

bool InFlight::is_first_of_its_stream(size_t slot) const {
  for (size_t other = 0; other < size(); ++other)
    if (ledger_[other].state == SlotState::kOpen && ledger_[other].sequence < ledger_[slot].sequence &&
        plan(other).stream.stream == plan(slot).stream.stream)
      return false;
  return true;
}

const GivenUp* InFlight::given_up(size_t slot, size_t range) const {
  const auto found = records_[slot].given_up.find(range);
  return found == records_[slot].given_up.end() ? nullptr : &found->second;
}

void InFlight::put_instead(size_t slot, size_t range, size_t row, int64_t index) {
  records_[slot].tried[row].push_back(ledger_[slot].indices[row]);
  records_[slot].given_up.erase(range);
  ledger_.replace_index(slot, row, index);
  ledger_.forget_deaths(slot, range);
}

void InFlight::keep_message(size_t slot, uint32_t generation, Arrival message) {
  if (slot >= size() || ledger_[slot].state != SlotState::kOpen || ledger_[slot].generation != generation) return;
  records_[slot].message.emplace(std::move(message));
}

std::optional<Arrival> InFlight::take_message(size_t slot) {
  return std::exchange(records_[slot].message, std::nullopt);
}

}  // namespace millrace
