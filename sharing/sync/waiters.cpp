#include "millrace/sharing/sync/waiters.h"

#include <stdexcept>
#include <string>

#include "millrace/sharing/os/futex.h"

namespace millrace::multiprocessing::detail {

bool WaiterTable::seize(WaiterSlot& slot) {
  const Taken taken = slot.alive.try_lock();
  return taken == Taken::kYes || taken == Taken::kOwnerDied;
}

WaiterSlot* WaiterTable::enter(uint32_t word, uint64_t ticket) {
  for (auto& slot : slots_) {
    // Whoever just leaves it may still have to let go.
    if (slot.word.load() != kFree || !seize(slot)) continue;
    slot.ticket = ticket;
    slot.word = word;
    return &slot;
  }
  return nullptr;
}

void WaiterTable::throw_full(const char* what) const {
  throw std::runtime_error(std::to_string(slots_.size()) + " threads wait at " + what +
                           ", and no more can; let these go on before others come, or use several");
}

void WaiterTable::leave(WaiterSlot& slot) {
  slot.word = kFree;
  slot.alive.unlock();
}

bool WaiterTable::move(WaiterSlot& slot, uint32_t from, uint32_t to) {
  if (!slot.word.compare_exchange_strong(from, to)) return false;
  futex_wake_one(slot.word);
  return true;
}

}  // namespace millrace::multiprocessing::detail
