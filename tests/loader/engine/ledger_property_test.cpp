#include "millrace/loader/engine/ledger.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <numeric>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/worker_board.h"
#include "millrace/tests/support/seed.h"

// Random lives of a loader on its real Ledger, TrainerBoard and WorkerBoard. Its workers claim, write row by row,
// publish, fail and die at any point; its batches are lent, read by copies to a device, mended, lost and cancelled.
// What the trainer decides with them (Opener, Mender, Engine, Returns) is repeated here, since those need torch.
//
// The test keeps its own books of who writes and who reads a slot and of what became of each sample, and never asks the
// product about that. After every step the product must say what the books say.
namespace millrace::ledger_property_test {
namespace {

constexpr size_t kSlots = 3;
constexpr size_t kWorkers = 3;
constexpr size_t kStreams = 3;
constexpr size_t kRanges = 2;
constexpr size_t kRangeSamples = 2;
constexpr Board::Geometry kGeometry{kSlots, kRanges, kRangeSamples, kWorkers};
constexpr int64_t kRetries = 1;
constexpr int64_t kGap = -1;  // In the place of a sample that is left out.
constexpr int kSteps = 150;

constexpr SlotState kStates[] = {SlotState::kFree, SlotState::kOpen, SlotState::kLent, SlotState::kDraining,
                                 SlotState::kSettling};

constexpr const char* kReadByCopy = "a slot was opened while a copy reads it";
constexpr const char* kWorkOffBoard = "a slot came home with work on it";

// The last two are negative controls: the books must see what they do wrong.
enum class Trainer { kSound, kForgetsDevices, kForgetsWorkers };

enum class Fate : uint8_t { kNone, kDelivered, kLeftOut, kLost, kCancelled };

struct alignas(64) Line {
  std::array<std::byte, 64> bytes;
};

class World {
 public:
  World(uint64_t seed, Trainer trainer) : random_(seed), trainer_(trainer) {
    for (Worker& worker : workers_) worker.incarnation = next_incarnation_++;
  }

  // Empty when all went well, else what did not.
  std::string live() {
    try {
      for (step_ = 0; step_ < kSteps && fault_.empty(); ++step_) {
        step();
        compare();
      }
      if (fault_.empty()) end();
    } catch (const std::logic_error& e) {
      fail(e.what());
    }
    return fault_;
  }

  int step_reached() const { return step_; }

 private:
  struct Job {
    Claim claim;
    uint32_t row = 0;  // The next to be written.
  };

  struct Worker {
    uint32_t incarnation = 0;
    std::optional<Job> job;
  };

  // What a slot's range should be.
  struct RangeBook {
    RangeState state = RangeState::kClosed;
    uint32_t holder = 0;            // The incarnation in its word.
    int64_t deaths = 0;             // Since it was opened or mended.
    std::optional<uint32_t> wrong;  // The row that it failed at.
  };

  // What a slot should be.
  struct SlotBook {
    SlotState state = SlotState::kFree;
    uint32_t generation = 0;
    TrainerBoard::Opening opening;
    int64_t epoch = 0;
    std::vector<int64_t> samples;  // By row.
    std::vector<RangeBook> ranges;
    bool leased = false;
  };

  struct Row {
    int64_t sample = 0;
    uint32_t generation = 0;
  };

  struct Stream {
    std::deque<size_t> copies;  // The slots that they read, in the order in which they run.
    uint64_t queued = 0;
    uint64_t done = 0;
  };

  // What the loader waits for before it releases a slot: so many copies done on each stream.
  using Fence = std::array<uint64_t, kStreams>;

  void step() {
    const size_t slot = random_() % kSlots;
    const size_t worker = random_() % kWorkers;
    switch (random_() % 20) {
      case 0:
      case 1:
        return open();
      case 2:
        return die(worker);
      case 3:
        return inherit_one();
      case 4:
      case 5:
        return deliver(slot);
      case 6:
        return copy(slot);
      case 7:
        return drop(slot);
      case 8:
        return run_one_copy(random_() % kStreams);
      case 9:
        return settle();
      case 10:
        return wait(slot);
      case 11:
        if (random_() % 4 == 0) cancel_all();
        return;
      default:
        static_cast<void>(work(worker));
    }
  }

  // --- workers ---

  // False when there is nothing to do.
  bool work(size_t number) {
    Worker& worker = workers_[number];
    if (!worker.job) return claim(number);
    Job& job = *worker.job;
    if (job.row == job.claim.last) {
      publish(worker, RangeState::kDone);
    } else if (tickets_[job.claim.slot][job.row] != kGap && random_() % 16 == 0) {
      book(job).wrong = job.row;
      publish(worker, RangeState::kFailed);
    } else {
      rows_[job.claim.slot][job.row] = {tickets_[job.claim.slot][job.row], job.claim.generation};
      ++job.row;
    }
    return true;
  }

  bool claim(size_t number) {
    Worker& worker = workers_[number];
    const auto claim = worker_board_.claim(worker.incarnation, static_cast<uint32_t>(number));
    const auto wanted = oldest_open_for(number);
    if (claim.has_value() != wanted.has_value())
      fail(claim ? "a range was claimed that is not open" : "a range is open and cannot be claimed");
    if (!claim || !wanted) return false;
    if (std::pair(claim->slot, claim->range) != *wanted) fail("not the oldest batch's first range was claimed");
    if (is_held(claim->slot, claim->range)) fail("a range was claimed while another worker writes into it");
    worker.job = Job{*claim, claim->first};
    const SlotBook& slot = slots_[claim->slot];
    const size_t first = claim->range * kRangeSamples;
    const size_t last = std::min(first + kRangeSamples, slot.samples.size());
    if (claim->first != first || claim->last != last) fail("a claim has other samples than its range");
    if (claim->generation != slot.generation || claim->base_seed != slot.opening.base_seed)
      fail("a claim is not of the batch that is open");
    book(*worker.job).state = RangeState::kClaimed;
    book(*worker.job).holder = worker.incarnation;
    return true;
  }

  std::optional<std::pair<size_t, size_t>> oldest_open_for(size_t worker) const {
    std::optional<std::pair<size_t, size_t>> oldest;
    for (size_t slot = 0; slot < kSlots; ++slot) {
      const auto& opening = slots_[slot].opening;
      if (opening.worker != Board::kAnyWorker && opening.worker != worker) continue;
      if (oldest && slots_[oldest->first].opening.sequence < opening.sequence) continue;
      const auto& ranges = slots_[slot].ranges;
      const auto open = std::ranges::find(ranges, RangeState::kOpen, &RangeBook::state);
      if (open != ranges.end()) oldest.emplace(slot, open - ranges.begin());
    }
    return oldest;
  }

  void publish(Worker& worker, RangeState state) {
    const Job job = *std::exchange(worker.job, std::nullopt);
    book(job).state = state;
    const bool rings = state == RangeState::kDone ? worker_board_.finish(job.claim, worker.incarnation)
                                                  : worker_board_.fail(job.claim, worker.incarnation, error_at(job));
    const SlotBook& slot = slots_[job.claim.slot];
    const bool awaited = waits_ && (!awaited_ || *awaited_ == slot.opening.sequence);
    if (rings != (awaited && is_complete_by_books(slot)))
      fail(rings ? "the bell rang for a batch that is not awaited or not complete" : "the awaited batch did not ring");
  }

  const RangeError& error_at(const Job& job) {
    error_.sample = job.row;
    error_.index = tickets_[job.claim.slot][job.row];
    return error_;
  }

  // Its device may go on writing; see Supervisor::Estate.
  void die(size_t number) { estates_.push_back(std::exchange(workers_[number], {next_incarnation_++, std::nullopt})); }

  RangeBook& book(const Job& job) { return slots_[job.claim.slot].ranges[job.claim.range]; }

  bool is_held(size_t slot, size_t range) const {
    const auto holds = [&](const Worker& w) {
      return w.job && w.job->claim.slot == slot && w.job->claim.range == range;
    };
    return std::ranges::any_of(workers_, holds) || std::ranges::any_of(estates_, holds);
  }

  bool is_written(size_t slot) const {
    for (size_t range = 0; range < kRanges; ++range)
      if (is_held(slot, range)) return true;
    return false;
  }

  static bool is_complete_by_books(const SlotBook& slot) {
    return std::ranges::none_of(slot.ranges, [](const RangeBook& range) {
      return range.state == RangeState::kOpen || range.state == RangeState::kClaimed;
    });
  }

  // --- the trainer opens ---

  void open() {
    std::vector<int64_t> samples(1 + random_() % (kRanges * kRangeSamples));
    std::iota(samples.begin(), samples.end(), std::ssize(fates_));
    indices_ = samples;
    const size_t ranges = board_.range_count(samples.size());
    const auto slot = ledger_.open(sequence_, epoch_, ranges, indices_);
    if (slot.has_value() != (std::ranges::count(slots_, SlotState::kFree, &SlotBook::state) > 0))
      fail(slot ? "a slot was opened though none is free" : "a free slot was not opened");
    if (!slot) return;
    require_unused(*slot);
    fates_.resize(fates_.size() + samples.size(), Fate::kNone);
    const auto worker = random_() % 3 == 0 ? static_cast<uint32_t>(random_() % kWorkers) : Board::kAnyWorker;
    SlotBook& own = slots_[*slot];
    own.state = SlotState::kOpen;
    own.opening = {sequence_++, static_cast<uint32_t>(samples.size()), worker, random_()};
    own.epoch = epoch_;
    own.samples = std::move(samples);
    own.ranges.assign(ranges, {RangeState::kOpen, 0, 0, {}});
    write_tickets(*slot);
    board_.open(*slot, ledger_[*slot].generation, own.opening);
    ++times_opened_;
  }

  void require_unused(size_t slot) {
    if (slots_[slot].state != SlotState::kFree) fail("a slot was opened that is not free");
    if (slots_[slot].leased) fail("a slot was opened while its tensors live");
    if (is_written(slot)) fail("a slot was opened while a worker writes into it");
    if (is_read(slot)) fail(kReadByCopy);
  }

  void write_tickets(size_t slot) { std::ranges::copy(ledger_[slot].indices, tickets_[slot].begin()); }

  void reopen(size_t slot, size_t range) {
    board_.reopen(slot, range, ledger_[slot].generation);
    ++times_opened_;
    slots_[slot].ranges[range].state = RangeState::kOpen;
    slots_[slot].ranges[range].holder = 0;
  }

  // --- ... and buries: Mender::inherit() ---

  void inherit_one() {
    if (estates_.empty()) return;
    std::swap(estates_[random_() % estates_.size()], estates_.back());
    const Worker dead = estates_.back();
    estates_.pop_back();
    bool found = false;
    for (size_t slot = 0; slot < kSlots; ++slot) {
      if (!is_on_board(ledger_[slot].state)) continue;
      for (size_t range = 0; range < ledger_[slot].range_deaths.size(); ++range) {
        const RangeWord word = board_.range(slot, range);
        if (word.state != RangeState::kClaimed || word.incarnation != dead.incarnation) continue;
        if (!dead.job || dead.job->claim.slot != slot || dead.job->claim.range != range)
          return fail("a word says that a dead worker held what it did not");
        inherit(*dead.job, word);
        found = true;
      }
    }
    if (found != dead.job.has_value()) fail("no word says what a dead worker held");
  }

  void inherit(const Job& job, const RangeWord& word) {
    const auto [slot, range] = std::pair(job.claim.slot, job.claim.range);
    RangeBook& own = book(job);
    if (ledger_[slot].state == SlotState::kDraining) {
      own.state = RangeState::kClosed;
      own.holder = 0;
      return board_.set(slot, range, {ledger_[slot].generation, RangeState::kClosed, 0});
    }
    const int64_t deaths = ledger_.count_death(slot, range);
    if (deaths != ++own.deaths) fail("the deaths of a range are miscounted");
    if (deaths <= kRetries) return reopen(slot, range);
    own.state = RangeState::kFailed;
    own.wrong = std::nullopt;
    if (job.row < job.claim.last && slots_[slot].samples[job.row] != kGap) own.wrong = job.row;
    board_.set(slot, range, {ledger_[slot].generation, RangeState::kFailed, word.incarnation});
  }

  // --- ... and delivers: Engine::next() ---

  bool is_complete(size_t slot) const {
    for (size_t range = 0; range < ledger_[slot].range_deaths.size(); ++range)
      if (board_.range(slot, range).pending()) return false;
    return true;
  }

  // Of a complete batch.
  std::vector<size_t> failed_ranges(size_t slot) const {
    std::vector<size_t> failed;
    for (size_t range = 0; range < ledger_[slot].range_deaths.size(); ++range)
      if (board_.range(slot, range).state == RangeState::kFailed) failed.push_back(range);
    return failed;
  }

  bool is_sound(size_t slot) const { return is_complete(slot) && failed_ranges(slot).empty(); }

  void deliver(size_t slot) {
    if (ledger_[slot].state != SlotState::kOpen || !is_complete(slot)) return;
    if (is_sound(slot)) return lend(slot);
    const std::vector<size_t> failed = failed_ranges(slot);
    const auto can_be_mended = [&](size_t range) { return slots_[slot].ranges[range].wrong.has_value(); };
    // All or none: a batch that is lost while a range of it is read again would be released under its reader.
    if (random_() % 2 || !std::ranges::all_of(failed, can_be_mended)) return lose(slot);
    for (const size_t range : failed) mend(slot, range);
  }

  void lend(size_t slot) {
    SlotBook& own = slots_[slot];
    if (ledger_[slot].indices != own.samples) fail("a batch has other samples than it was opened with");
    for (size_t row = 0; row < own.samples.size(); ++row) {
      if (own.samples[row] == kGap) continue;
      if (rows_[slot][row].sample != own.samples[row] || rows_[slot][row].generation != own.generation)
        fail("a batch was delivered with a row that is not its own");
    }
    ledger_.lend(slot, {});
    ledger_.drop_gaps(slot);
    own.state = SlotState::kLent;
    own.leased = true;
    std::erase(own.samples, kGap);
    if (ledger_[slot].indices != own.samples) fail("a delivered batch has a gap");
    decide(own.samples, Fate::kDelivered);
  }

  void lose(size_t slot) {
    decide(slots_[slot].samples, Fate::kLost);
    release(slot);
  }

  // Without the row that was wrong; see OnError::kSkip.
  void mend(size_t slot, size_t range) {
    RangeBook& own = slots_[slot].ranges[range];
    const uint32_t row = *own.wrong;
    int64_t& sample = slots_[slot].samples[row];
    const bool given_up = own.deaths > kRetries;  // Then no worker has left an error.
    const RangeError error = board_.error(slot, range);
    if (!given_up && (error.sample != row || error.index != sample)) fail("an error is of another sample");
    ledger_.replace_index(slot, row, kGap);
    ledger_.forget_deaths(slot, range);
    own.deaths = 0;
    decide({sample}, Fate::kLeftOut);
    sample = kGap;
    write_tickets(slot);
    reopen(slot, range);
  }

  void decide(const std::vector<int64_t>& samples, Fate fate) {
    for (const int64_t sample : samples) {
      if (sample == kGap) continue;
      Fate& own = fates_[static_cast<size_t>(sample)];
      if (own != Fate::kNone) fail("what becomes of a sample was decided twice");
      own = fate;
    }
  }

  void wait(size_t slot) {
    if (std::exchange(waits_, false)) return board_.stop_waiting();
    waits_ = true;
    awaited_.reset();
    if (ledger_[slot].state == SlotState::kOpen) awaited_ = ledger_[slot].sequence;
    board_.start_waiting(awaited_);
  }

  // As set_epoch() and load_state_dict() do: Engine::cancel_open().
  void cancel_all() {
    ++epoch_;
    for (size_t slot = 0; slot < kSlots; ++slot) {
      if (ledger_[slot].state != SlotState::kOpen) continue;
      board_.close_unclaimed(slot, ledger_[slot].generation);
      ledger_.cancel(slot);
      SlotBook& own = slots_[slot];
      own.state = SlotState::kDraining;
      for (RangeBook& range : own.ranges)
        if (range.state == RangeState::kOpen) range.state = RangeState::kClosed;
      decide(own.samples, Fate::kCancelled);
    }
  }

  // --- slots come home ---

  // By the user, who holds the batch, or ahead of its delivery.
  void copy(size_t slot) {
    const bool staged = ledger_[slot].state == SlotState::kOpen && is_sound(slot);
    if (!slots_[slot].leased && !staged) return;
    Stream& stream = streams_[random_() % kStreams];
    stream.copies.push_back(slot);
    ++stream.queued;
  }

  void run_one_copy(size_t number) {
    Stream& stream = streams_[number];
    if (stream.copies.empty()) return;
    stream.copies.pop_front();
    ++stream.done;
  }

  bool is_read(size_t slot) const {
    return std::ranges::any_of(streams_,
                               [&](const Stream& s) { return std::ranges::find(s.copies, slot) != s.copies.end(); });
  }

  void drop(size_t slot) {
    if (std::exchange(slots_[slot].leased, false)) dropped_.push_back(slot);
  }

  // Returns::take_in().
  void settle() {
    for (const size_t slot : std::exchange(dropped_, {})) come_home(slot);
    for (size_t slot = 0; slot < kSlots; ++slot) {
      if (ledger_[slot].state != SlotState::kDraining) continue;
      if (trainer_ == Trainer::kForgetsWorkers || is_complete(slot)) come_home(slot);
    }
    for (size_t slot = 0; slot < kSlots; ++slot)
      if (ledger_[slot].state == SlotState::kSettling && passed(fences_[slot])) release(slot);
  }

  void come_home(size_t slot) {
    if (trainer_ == Trainer::kForgetsDevices) return release(slot);
    ledger_.settle(slot);
    slots_[slot].state = SlotState::kSettling;
    for (size_t s = 0; s < kStreams; ++s) fences_[slot][s] = streams_[s].queued;
  }

  bool passed(const Fence& fence) const {
    for (size_t s = 0; s < kStreams; ++s)
      if (streams_[s].done < fence[s]) return false;
    return true;
  }

  void release(size_t slot) {
    ledger_.release(slot);
    slots_[slot].state = SlotState::kFree;
    ++slots_[slot].generation;
  }

  // --- what must hold after every step ---

  static bool is_on_board(SlotState state) { return state == SlotState::kOpen || state == SlotState::kDraining; }

  void compare() {
    for (size_t slot = 0; slot < kSlots; ++slot) compare(slot);
    for (const SlotState state : kStates)
      if (ledger_.count(state) != static_cast<size_t>(std::ranges::count(slots_, state, &SlotBook::state)))
        fail("the slots of a state are miscounted");
    if (board_.times_opened() != times_opened_) fail("what was opened is miscounted");
  }

  void compare(size_t slot) {
    const Ledger::Slot& actual = ledger_[slot];
    const SlotBook& own = slots_[slot];
    if (actual.state != own.state) fail("a slot is in another state than it was brought to");
    if (actual.generation != own.generation) fail("a slot's generation does not count its releases");
    const bool on_board = is_on_board(own.state);
    if (on_board && (actual.sequence != own.opening.sequence || actual.epoch != own.epoch))
      fail("a slot is of another batch");
    if (on_board && !board_.is_as_told(slot)) fail("workers are told something else than the trainer said");
    const auto found = ledger_.find_open(own.opening.sequence);
    if ((found == slot) != (own.state == SlotState::kOpen)) fail("not the open batch is found by its sequence");
    for (size_t range = 0; range < kRanges; ++range) compare(slot, range, on_board);
  }

  void compare(size_t slot, size_t range, bool on_board) {
    const SlotBook& own = slots_[slot];
    const RangeWord word = board_.range(slot, range);
    if (!on_board || range >= own.ranges.size()) {
      if (word.pending()) fail(kWorkOffBoard);
      return;
    }
    if (word.generation != own.generation) fail("a stale word stands for a fresh one");
    if (word.state != own.ranges[range].state) fail("a range is in another state than it was brought to");
    if (word.incarnation != own.ranges[range].holder) fail("a range is another worker's");
  }

  // Everybody does what is left to do and lets go: then every slot is free, and every sample accounted for.
  void end() {
    if (random_() % 2) cancel_all();
    while (fault_.empty() && ledger_.count(SlotState::kOpen) > 0) {
      work_off();
      for (size_t slot = 0; slot < kSlots; ++slot) {
        if (ledger_[slot].state == SlotState::kOpen && !is_complete(slot)) fail("a batch is never complete");
        deliver(slot);
      }
      compare();
    }
    work_off();
    for (size_t slot = 0; slot < kSlots; ++slot) {
      if (random_() % 2) settle();
      drop(slot);
    }
    for (size_t s = 0; s < kStreams; ++s)
      while (!streams_[s].copies.empty()) run_one_copy(s);
    settle();
    compare();
    if (ledger_.count(SlotState::kFree) != kSlots) fail("a slot is stuck though nobody uses it");
    if (std::ranges::find(fates_, Fate::kNone) != fates_.end()) fail("a sample was opened and forgotten");
    for (size_t slot = 0; slot < kSlots; ++slot) open();
    compare();
    open();
  }

  void work_off() {
    for (bool busy = true; busy && fault_.empty();) {
      while (!estates_.empty() && fault_.empty()) inherit_one();
      busy = false;
      for (size_t worker = 0; worker < kWorkers; ++worker) busy |= work(worker);
      compare();
    }
  }

  void fail(const char* what) {
    if (fault_.empty()) fault_ = what;
  }

  std::mt19937_64 random_;
  Trainer trainer_;

  // The product.
  Ledger ledger_{kSlots};
  std::vector<Line> memory_{(Board::bytes(kGeometry) + sizeof(Line) - 1) / sizeof(Line)};
  TrainerBoard board_{memory_.front().bytes.data(), kGeometry};
  WorkerBoard worker_board_{memory_.front().bytes.data(), kGeometry};

  // What lies in the slots.
  std::array<std::array<int64_t, kRanges * kRangeSamples>, kSlots> tickets_ = {};
  std::array<std::array<Row, kRanges * kRangeSamples>, kSlots> rows_ = {};

  // Who there is.
  std::array<Worker, kWorkers> workers_;
  std::vector<Worker> estates_;
  std::array<Stream, kStreams> streams_;
  std::array<Fence, kSlots> fences_ = {};
  std::vector<size_t> dropped_;

  // The books.
  std::array<SlotBook, kSlots> slots_;
  std::vector<Fate> fates_;  // By sample; each is opened once.
  std::optional<uint64_t> awaited_;
  bool waits_ = false;
  uint64_t times_opened_ = 0;

  uint32_t next_incarnation_ = 1;
  uint64_t sequence_ = 0;
  int64_t epoch_ = 0;
  std::vector<int64_t> indices_;
  RangeError error_ = {};
  int step_ = 0;
  std::string fault_;
};

int caught(Trainer trainer, const std::string& fault) {
  int times = 0;
  const uint64_t seed = test::test_seed();
  for (uint64_t i = 0; i < 1000; ++i) times += World(seed + i, trainer).live() == fault;
  return times;
}

TEST(LedgerProperty, EverySlotComesHomeAndEverySampleIsAccountedFor) {
  const uint64_t seed = test::test_seed();
  for (uint64_t i = 0; i < 100'000; ++i) {
    World world(seed + i, Trainer::kSound);
    ASSERT_EQ(world.live(), "") << "step " << world.step_reached() << " of life " << i << ", the first with "
                                << "MILLRACE_TEST_SEED=" << seed + i;
  }
}

TEST(LedgerProperty, ATrainerThatForgetsDevicesOpensSlotsThatCopiesRead) {
  EXPECT_GT(caught(Trainer::kForgetsDevices, kReadByCopy), 100);
}

TEST(LedgerProperty, ATrainerThatForgetsWorkersTakesSlotsHomeThatTheyWriteInto) {
  EXPECT_GT(caught(Trainer::kForgetsWorkers, kWorkOffBoard), 100);
}

}  // namespace
}  // namespace millrace::ledger_property_test
