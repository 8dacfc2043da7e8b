#include "millrace/loader/engine/trainer_board.h"

#include <cstring>

#include "millrace/sharing/os/futex.h"

namespace millrace {

void TrainerBoard::open(size_t slot, uint32_t generation, const Opening& opening) {
  told_[slot] = opening;
  ++times_opened_;
  slot_header(slot).sequence.store(opening.sequence, std::memory_order_relaxed);
  slot_header(slot).samples.store(opening.samples, std::memory_order_relaxed);
  slot_header(slot).worker.store(opening.worker, std::memory_order_relaxed);
  slot_header(slot).base_seed.store(opening.base_seed, std::memory_order_relaxed);
  const uint64_t open = RangeWord{generation, RangeState::kOpen, 0}.pack();
  // Release: pairs with the acquire in WorkerBoard::claim(), so that the claimer sees tickets and opening.
  for (size_t r = 0; r < range_count(opening.samples); ++r) word(slot, r).store(open, std::memory_order_release);
  ring_workers();
}

bool TrainerBoard::is_as_told(size_t slot) const {
  const SlotHeader& header = slot_header(slot);
  const Opening now{header.sequence.load(std::memory_order_relaxed), header.samples.load(std::memory_order_relaxed),
                    header.worker.load(std::memory_order_relaxed), header.base_seed.load(std::memory_order_relaxed)};
  return now == told_[slot];
}

void TrainerBoard::reopen(size_t slot, size_t range, uint32_t generation) {
  ++times_opened_;
  word(slot, range).store(RangeWord{generation, RangeState::kOpen, 0}.pack(), std::memory_order_release);
  ring_workers();
}

void TrainerBoard::close_unclaimed(size_t slot, uint32_t generation) {
  for (size_t r = 0; r < geometry().ranges; ++r) {
    uint64_t open = RangeWord{generation, RangeState::kOpen, 0}.pack();
    word(slot, r).compare_exchange_strong(open, RangeWord{generation, RangeState::kClosed, 0}.pack());
  }
}

void TrainerBoard::set(size_t slot, size_t range, RangeWord value) {
  word(slot, range).store(value.pack(), std::memory_order_release);
}

RangeWord TrainerBoard::range(size_t slot, size_t range) const {
  // Sequentially consistent: pairs with WorkerBoard::publish(), see start_waiting().
  return RangeWord::unpack(word(slot, range).load(std::memory_order_seq_cst));
}

RangeError TrainerBoard::error(size_t slot, size_t range) const {
  RangeError copy;
  std::memcpy(&copy, &error_area(slot, range), sizeof copy);
  copy.type.back() = copy.path.back() = copy.message.back() = '\0';
  return copy;
}

// No wake-up is lost: the trainer stores waiting_for and then looks at the words, a worker stores its word and then
// looks at waiting_for, all four sequentially consistent. So either the trainer sees the finished word or the worker
// sees the wish.
void TrainerBoard::start_waiting(std::optional<uint64_t> sequence) {
  header().waiting_for.store(sequence ? *sequence + 1 : Header::kWaitingForAny, std::memory_order_seq_cst);
}

void TrainerBoard::stop_waiting() { header().waiting_for.store(Header::kWaitingForNothing, std::memory_order_relaxed); }

void TrainerBoard::stop() {
  header().stopping.store(1, std::memory_order_seq_cst);
  ring_workers();
}

// The same argument as above with the roles exchanged: a worker announces its sleep, reads the doorbell and looks for
// work; the trainer opens work, changes the doorbell and looks for sleepers.
void TrainerBoard::ring_workers() {
  header().doorbell.fetch_add(1, std::memory_order_seq_cst);
  for (size_t w = 0; w < geometry().workers; ++w) {
    if (beacon(w).sleeping.load(std::memory_order_seq_cst) == 0) continue;
    futex_wake_all(header().doorbell);
    return;
  }
}

}  // namespace millrace
