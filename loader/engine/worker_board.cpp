#include "millrace/loader/engine/worker_board.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "millrace/sharing/os/futex.h"

namespace millrace {

void WorkerBoard::wait_for_work(uint32_t worker, std::chrono::nanoseconds timeout) const {
  Beacon& own = beacon(worker);
  own.sleeping.store(1, std::memory_order_seq_cst);
  const uint32_t bell = header().doorbell.load(std::memory_order_seq_cst);
  if (!anything_open(worker) && !stopping()) futex_wait(header().doorbell, bell, timeout);
  own.sleeping.store(0, std::memory_order_relaxed);
}

bool WorkerBoard::is_for(size_t slot, uint32_t worker) const {
  const uint32_t wanted = slot_header(slot).worker.load(std::memory_order_relaxed);
  return wanted == kAnyWorker || wanted == worker;
}

bool WorkerBoard::anything_open(uint32_t worker) const {
  for (size_t slot = 0; slot < geometry().slots; ++slot)
    for (size_t r = 0; r < geometry().ranges; ++r)
      if (RangeWord::unpack(word(slot, r).load(std::memory_order_seq_cst)).open())
        if (is_for(slot, worker)) return true;
  return false;
}

std::optional<Claim> WorkerBoard::claim(uint32_t incarnation, uint32_t worker) const {
  for (;;) {
    std::optional<Claim> oldest;
    uint64_t oldest_sequence = std::numeric_limits<uint64_t>::max();
    for (size_t slot = 0; slot < geometry().slots; ++slot) {
      for (size_t r = 0; r < geometry().ranges; ++r) {
        const auto seen = RangeWord::unpack(word(slot, r).load(std::memory_order_acquire));
        if (!seen.open()) continue;  // The exchange below would fail for ever on another word of that state.
        if (!is_for(slot, worker)) break;
        const uint64_t sequence = slot_header(slot).sequence.load(std::memory_order_relaxed);
        if (sequence < oldest_sequence) {
          oldest = Claim{slot, r, seen.generation, 0, 0, 0};
          oldest_sequence = sequence;
        }
        break;
      }
    }
    if (!oldest) return std::nullopt;
    uint64_t open = RangeWord{oldest->generation, RangeState::kOpen, 0}.pack();
    const uint64_t claimed = RangeWord{oldest->generation, RangeState::kClaimed, incarnation}.pack();
    if (!word(oldest->slot, oldest->range).compare_exchange_strong(open, claimed, std::memory_order_acq_rel)) continue;
    const uint32_t samples = slot_header(oldest->slot).samples.load(std::memory_order_relaxed);
    oldest->first = static_cast<uint32_t>(oldest->range) * geometry().range_samples;
    oldest->last = std::clamp(samples, oldest->first, oldest->first + geometry().range_samples);
    oldest->base_seed = slot_header(oldest->slot).base_seed.load(std::memory_order_relaxed);
    return oldest;
  }
}

bool WorkerBoard::finish(const Claim& claim, uint32_t incarnation) const {
  return publish(claim, {claim.generation, RangeState::kDone, incarnation});
}

bool WorkerBoard::fail(const Claim& claim, uint32_t incarnation, const RangeError& error) const {
  std::memcpy(&error_area(claim.slot, claim.range), &error, sizeof error);
  return publish(claim, {claim.generation, RangeState::kFailed, incarnation});
}

bool WorkerBoard::publish(const Claim& claim, RangeWord value) const {
  word(claim.slot, claim.range).store(value.pack(), std::memory_order_seq_cst);
  const uint64_t wish = header().waiting_for.load(std::memory_order_seq_cst);
  if (wish == Header::kWaitingForNothing) return false;
  const uint64_t sequence = slot_header(claim.slot).sequence.load(std::memory_order_relaxed);
  return (wish == Header::kWaitingForAny || wish == sequence + 1) && complete(claim.slot);
}

bool WorkerBoard::complete(size_t slot) const {
  const size_t count =
      std::min<size_t>(range_count(slot_header(slot).samples.load(std::memory_order_relaxed)), geometry().ranges);
  for (size_t r = 0; r < count; ++r)
    if (RangeWord::unpack(word(slot, r).load(std::memory_order_seq_cst)).pending()) return false;
  return true;
}

}  // namespace millrace
