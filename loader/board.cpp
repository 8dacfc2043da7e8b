#include "millrace/loader/board.h"

#include <algorithm>
#include <limits>

#include "millrace/sharing/os/futex.h"

namespace millrace {

static_assert(std::atomic<uint64_t>::is_always_lock_free && sizeof(std::atomic<uint64_t>) == 8);
static_assert(sizeof(Beacon) == 64);

namespace {

constexpr uint64_t kWaitingForNothing = 0;
constexpr uint64_t kWaitingForAny = std::numeric_limits<uint64_t>::max();

constexpr size_t whole_lines(size_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

// Written by the trainer, read by workers.
struct alignas(64) Board::Header {
  std::atomic<uint32_t> doorbell;  // The futex workers sleep on; changes whenever there may be work.
  std::atomic<uint32_t> stopping;
  alignas(64) std::atomic<uint64_t> waiting_for;  // 1 + the sequence the trainer sleeps for.
};

// Written by the trainer while every range of the slot is closed or finished, read by workers after a range is open.
struct alignas(64) Board::SlotHeader {
  std::atomic<uint64_t> sequence;
  std::atomic<uint64_t> base_seed;
  std::atomic<uint32_t> samples;
  std::atomic<uint32_t> worker;  // The only one that may claim, or kAnyWorker.
};

namespace {

size_t slot_stride(const Board::Geometry& geometry, size_t header_bytes) {
  return header_bytes + whole_lines(geometry.ranges * sizeof(uint64_t));
}

}  // namespace

size_t Board::bytes(const Geometry& geometry) {
  return sizeof(Header) + geometry.workers * sizeof(Beacon) +
         geometry.slots * (slot_stride(geometry, sizeof(SlotHeader)) + geometry.ranges * sizeof(RangeError));
}

Board::Header& Board::header() const { return *reinterpret_cast<Header*>(memory_); }

Beacon& Board::beacon(size_t worker) const { return reinterpret_cast<Beacon*>(memory_ + sizeof(Header))[worker]; }

Board::SlotHeader& Board::slot_header(size_t slot) const {
  std::byte* slots = memory_ + sizeof(Header) + geometry_.workers * sizeof(Beacon);
  return *reinterpret_cast<SlotHeader*>(slots + slot * slot_stride(geometry_, sizeof(SlotHeader)));
}

std::atomic<uint64_t>& Board::word(size_t slot, size_t range) const {
  return reinterpret_cast<std::atomic<uint64_t>*>(&slot_header(slot) + 1)[range];
}

RangeError& Board::error_area(size_t slot, size_t range) const {
  std::byte* errors = memory_ + bytes(geometry_) - geometry_.slots * geometry_.ranges * sizeof(RangeError);
  return reinterpret_cast<RangeError*>(errors)[slot * geometry_.ranges + range];
}

void Board::open(size_t slot, uint32_t generation, const Opening& opening) const {
  slot_header(slot).sequence.store(opening.sequence, std::memory_order_relaxed);
  slot_header(slot).samples.store(opening.samples, std::memory_order_relaxed);
  slot_header(slot).worker.store(opening.worker, std::memory_order_relaxed);
  slot_header(slot).base_seed.store(opening.base_seed, std::memory_order_relaxed);
  const uint64_t open = RangeWord{generation, RangeState::kOpen, 0}.pack();
  // Release: pairs with the acquire in claim(), so that the claimer sees tickets and opening.
  for (size_t r = 0; r < range_count(opening.samples); ++r) word(slot, r).store(open, std::memory_order_release);
  ring_workers();
}

Board::Opening Board::opening(size_t slot) const {
  const SlotHeader& header = slot_header(slot);
  return {header.sequence.load(std::memory_order_relaxed), header.samples.load(std::memory_order_relaxed),
          header.worker.load(std::memory_order_relaxed), header.base_seed.load(std::memory_order_relaxed)};
}

void Board::reopen(size_t slot, size_t range, uint32_t generation) const {
  word(slot, range).store(RangeWord{generation, RangeState::kOpen, 0}.pack(), std::memory_order_release);
  ring_workers();
}

void Board::close_unclaimed(size_t slot, uint32_t generation) const {
  for (size_t r = 0; r < geometry_.ranges; ++r) {
    uint64_t open = RangeWord{generation, RangeState::kOpen, 0}.pack();
    word(slot, r).compare_exchange_strong(open, RangeWord{generation, RangeState::kClosed, 0}.pack());
  }
}

void Board::set(size_t slot, size_t range, RangeWord value) const {
  word(slot, range).store(value.pack(), std::memory_order_release);
}

RangeWord Board::range(size_t slot, size_t range) const {
  // Sequentially consistent: pairs with publish(), see start_waiting().
  return RangeWord::unpack(word(slot, range).load(std::memory_order_seq_cst));
}

RangeError Board::error(size_t slot, size_t range) const {
  RangeError copy;
  std::memcpy(&copy, &error_area(slot, range), sizeof copy);
  copy.type.back() = copy.path.back() = copy.message.back() = '\0';
  return copy;
}

// No wake-up is lost: the trainer stores waiting_for and then looks at the words, a worker stores its word and then
// looks at waiting_for, all four sequentially consistent. So either the trainer sees the finished word or the worker
// sees the wish.
void Board::start_waiting(std::optional<uint64_t> sequence) const {
  header().waiting_for.store(sequence ? *sequence + 1 : kWaitingForAny, std::memory_order_seq_cst);
}

void Board::stop_waiting() const { header().waiting_for.store(kWaitingForNothing, std::memory_order_relaxed); }

void Board::stop() const {
  header().stopping.store(1, std::memory_order_seq_cst);
  ring_workers();
}

bool Board::stopping() const { return header().stopping.load(std::memory_order_relaxed) != 0; }

// The same argument as above with the roles exchanged: a worker announces its sleep, reads the doorbell and looks for
// work; the trainer opens work, changes the doorbell and looks for sleepers.
void Board::ring_workers() const {
  header().doorbell.fetch_add(1, std::memory_order_seq_cst);
  for (size_t w = 0; w < geometry_.workers; ++w) {
    if (beacon(w).sleeping.load(std::memory_order_seq_cst) == 0) continue;
    futex_wake_all(header().doorbell);
    return;
  }
}

void Board::wait_for_work(uint32_t worker, std::chrono::nanoseconds timeout) const {
  Beacon& own = beacon(worker);
  own.sleeping.store(1, std::memory_order_seq_cst);
  const uint32_t bell = header().doorbell.load(std::memory_order_seq_cst);
  if (!anything_open(worker) && !stopping()) futex_wait(header().doorbell, bell, timeout);
  own.sleeping.store(0, std::memory_order_relaxed);
}

bool Board::is_for(size_t slot, uint32_t worker) const {
  const uint32_t wanted = slot_header(slot).worker.load(std::memory_order_relaxed);
  return wanted == kAnyWorker || wanted == worker;
}

bool Board::anything_open(uint32_t worker) const {
  for (size_t slot = 0; slot < geometry_.slots; ++slot)
    for (size_t r = 0; r < geometry_.ranges; ++r)
      if (RangeWord::unpack(word(slot, r).load(std::memory_order_seq_cst)).open())
        if (is_for(slot, worker)) return true;
  return false;
}

std::optional<Board::Claim> Board::claim(uint32_t incarnation, uint32_t worker) const {
  for (;;) {
    std::optional<Claim> oldest;
    uint64_t oldest_sequence = std::numeric_limits<uint64_t>::max();
    for (size_t slot = 0; slot < geometry_.slots; ++slot) {
      for (size_t r = 0; r < geometry_.ranges; ++r) {
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
    oldest->first = static_cast<uint32_t>(oldest->range) * geometry_.range_samples;
    oldest->last = std::clamp(samples, oldest->first, oldest->first + geometry_.range_samples);
    oldest->base_seed = slot_header(oldest->slot).base_seed.load(std::memory_order_relaxed);
    return oldest;
  }
}

bool Board::finish(const Claim& claim, uint32_t incarnation) const {
  return publish(claim, {claim.generation, RangeState::kDone, incarnation});
}

bool Board::fail(const Claim& claim, uint32_t incarnation, const RangeError& error) const {
  std::memcpy(&error_area(claim.slot, claim.range), &error, sizeof error);
  return publish(claim, {claim.generation, RangeState::kFailed, incarnation});
}

bool Board::publish(const Claim& claim, RangeWord value) const {
  word(claim.slot, claim.range).store(value.pack(), std::memory_order_seq_cst);
  const uint64_t wish = header().waiting_for.load(std::memory_order_seq_cst);
  if (wish == kWaitingForNothing) return false;
  const uint64_t sequence = slot_header(claim.slot).sequence.load(std::memory_order_relaxed);
  return (wish == kWaitingForAny || wish == sequence + 1) && complete(claim.slot);
}

bool Board::complete(size_t slot) const {
  const size_t count =
      std::min<size_t>(range_count(slot_header(slot).samples.load(std::memory_order_relaxed)), geometry_.ranges);
  for (size_t r = 0; r < count; ++r)
    if (RangeWord::unpack(word(slot, r).load(std::memory_order_seq_cst)).pending()) return false;
  return true;
}

}  // namespace millrace
