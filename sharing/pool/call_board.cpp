#include "millrace/sharing/pool/call_board.h"

#include <array>
#include <atomic>
#include <chrono>
#include <new>

#include "millrace/sharing/os/futex.h"

namespace millrace {
namespace {

enum class State : uint64_t { kFree, kPosted, kTaken, kRunning, kDone };

// {sequence: 45 bits, state: 3, worker: 16}.
uint64_t word_of(uint64_t sequence, State state, uint16_t worker) {
  return sequence << 19 | static_cast<uint64_t>(state) << 16 | worker;
}
uint64_t sequence_of(uint64_t word) { return word >> 19; }
State state_of(uint64_t word) { return static_cast<State>(word >> 16 & 7); }
uint16_t worker_of(uint64_t word) { return static_cast<uint16_t>(word); }

// Positions that are not taken yet are never more than slots; twice as many, so that one taken over late by the next
// worker is not overwritten.
constexpr uint32_t kPositions = 2 * CallBoardMemory::kSlots;

// A sleeper looks again at least this often, should somebody have died between posting and waking.
constexpr auto kLookAgain = std::chrono::milliseconds(100);

}  // namespace

// All of the default, sequentially consistent order: "I posted, then looked who sleeps" against "I said that I sleep,
// then looked what is posted" needs it, and the rest is not worth the difference.
struct CallBoardMemory::Head {
  alignas(64) std::atomic<uint64_t> posted{0};  // Positions ever filled.
  alignas(64) std::atomic<uint64_t> taken{0};   // Positions below it are taken. May lag behind by one.
  alignas(64) std::atomic<uint32_t> parent_sleeps{0};
  std::atomic<uint32_t> bell_below{0};
  std::atomic<uint32_t> closed{0};
  alignas(64) std::array<std::atomic<uint64_t>, kPositions> positions{};  // {sequence, 0, slot}
  alignas(64) std::array<std::atomic<uint64_t>, kSlots> words{};
};

struct CallBoardMemory::Seat {
  alignas(64) std::atomic<uint32_t> sleeps{0};  // A futex.
  std::atomic<uint32_t> ready{0};
};

namespace {
constexpr size_t rounded_to_slots(size_t bytes) { return (bytes + sizeof(CallSlot) - 1) / sizeof(CallSlot); }
}  // namespace

CallBoardMemory::CallBoardMemory(SharedSegment segment)
    : segment_(std::move(segment)), memory_(segment_, Access::kReadWrite) {
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
}

// Head, slots, seats.
size_t CallBoardMemory::bytes_for(uint32_t seats) {
  return (rounded_to_slots(sizeof(Head)) + kSlots) * sizeof(CallSlot) + seats * sizeof(Seat);
}

CallBoardMemory::Head& CallBoardMemory::head() const { return *reinterpret_cast<Head*>(memory_.data()); }

CallSlot& CallBoardMemory::slot(uint32_t index) const {
  return reinterpret_cast<CallSlot*>(memory_.data())[rounded_to_slots(sizeof(Head)) + index];
}

CallBoardMemory::Seat& CallBoardMemory::seat(uint32_t index) const {
  return reinterpret_cast<Seat*>(&slot(kSlots))[index];
}

uint64_t CallBoardMemory::untaken() const {
  const uint64_t taken = head().taken;  // Read first: it is never above the other.
  return head().posted - taken;
}

CallBoard::CallBoard(uint32_t seats)
    : CallBoardMemory(SharedSegment::create("pool", bytes_for(seats), "use fewer pools")), seats_(seats) {
  new (&head()) Head;
  for (uint32_t i = 0; i < seats_; ++i) new (&seat(i)) Seat;
}

void CallBoard::post(uint32_t slot) {
  const uint64_t sequence = head().posted;
  head().words[slot] = word_of(sequence, State::kPosted, 0);
  head().positions[sequence % kPositions] = word_of(sequence, State::kPosted, static_cast<uint16_t>(slot));
  head().posted = sequence + 1;
}

void CallBoard::wake_workers() {
  uint64_t calls = untaken();
  for (uint32_t i = 0; i < seats_ && calls > 0; ++i) {
    auto& sleeps = seat(i).sleeps;
    if (sleeps == 0 || sleeps.exchange(0) == 0) continue;
    futex_wake_one(sleeps);
    --calls;
  }
}

void CallBoard::close() {
  head().closed = 1;
  for (uint32_t i = 0; i < seats_; ++i) {
    seat(i).sleeps = 0;
    futex_wake_one(seat(i).sleeps);
  }
}

bool CallBoard::is_done(uint32_t slot) const { return state_of(head().words[slot]) == State::kDone; }

std::optional<uint32_t> CallBoard::running(uint32_t worker) const {
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    const uint64_t word = head().words[slot];
    if (worker_of(word) == worker && state_of(word) == State::kRunning) return slot;
  }
  return std::nullopt;
}

void CallBoard::free(uint32_t slot) { head().words[slot] = word_of(0, State::kFree, 0); }

std::vector<uint32_t> CallBoard::take_back(uint32_t worker) {
  std::vector<uint32_t> running;
  for (uint32_t slot = 0; slot < kSlots; ++slot) {
    const uint64_t word = head().words[slot];
    if (worker_of(word) != worker) continue;
    if (state_of(word) == State::kRunning) running.push_back(slot);
    if (state_of(word) == State::kTaken) post(slot);
  }
  return running;
}

bool CallBoard::clear_seat(uint32_t index) {
  seat(index).sleeps = 0;
  return seat(index).ready.exchange(0) != 0;
}

bool CallBoard::is_anyone_ready() const {
  for (uint32_t i = 0; i < seats_; ++i)
    if (seat(i).ready != 0) return true;
  return false;
}

void CallBoard::set_bell_below(uint32_t calls) { head().bell_below = calls; }

bool CallBoard::may_sleep() {
  head().parent_sleeps = 1;
  if (untaken() >= head().bell_below) return true;
  for (uint32_t slot = 0; slot < kSlots; ++slot)
    if (is_done(slot)) {
      woke_up();
      return false;
    }
  return true;
}

void CallBoard::woke_up() { head().parent_sleeps = 0; }

CallBoardSeat::CallBoardSeat(OwnedFd memory, uint32_t seat, uint16_t worker)
    : CallBoardMemory(SharedSegment::adopt(std::move(memory))), seat_(seat), worker_(worker) {}

void CallBoardSeat::say_ready() { seat(seat_).ready = 1; }

std::optional<CallBoardSeat::Taken> CallBoardSeat::try_take() {
  for (;;) {
    uint64_t sequence = head().taken;
    if (sequence >= head().posted) return std::nullopt;
    const uint64_t position = head().positions[sequence % kPositions];
    if (sequence_of(position) != sequence) continue;  // Others have taken it meanwhile, and it was filled again.
    const uint32_t slot = worker_of(position);
    uint64_t posted = word_of(sequence, State::kPosted, 0);
    const bool ours = head().words[slot].compare_exchange_strong(posted, word_of(sequence, State::kTaken, worker_));
    // Moves the position on, also when another worker took the slot: it may have died before it did.
    const Taken taken{slot, sequence};
    head().taken.compare_exchange_strong(sequence, sequence + 1);
    if (ours) return taken;
  }
}

bool CallBoardSeat::wait() {
  auto& sleeps = seat(seat_).sleeps;
  sleeps = 1;
  if (head().taken >= head().posted) {
    if (head().closed != 0) return false;
    futex_wait(sleeps, 1, kLookAgain);
  }
  sleeps = 0;
  return true;
}

void CallBoardSeat::begin(const Taken& taken) {
  head().words[taken.slot] = word_of(taken.sequence, State::kRunning, worker_);
}

void CallBoardSeat::finish(const Taken& taken) {
  head().words[taken.slot] = word_of(taken.sequence, State::kDone, worker_);
}

bool CallBoardSeat::takes_bell() {
  return head().parent_sleeps != 0 && untaken() < head().bell_below && head().parent_sleeps.exchange(0) != 0;
}

}  // namespace millrace
