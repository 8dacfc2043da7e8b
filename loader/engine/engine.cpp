#include "millrace/loader/engine/engine.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "millrace/loader/engine/audit.h"
#include "millrace/loader/engine/corrupted.h"
#include "millrace/loader/engine/setup.h"
#include "millrace/sharing/cuda/dead_work.h"
#include "millrace/sharing/os/long_wait.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/seconds_text.h"

namespace millrace {
namespace {

constexpr auto kLookForDeaths = std::chrono::milliseconds(10);
constexpr auto kLookForCopies = std::chrono::milliseconds(1);  // No descriptor tells of the end of a device's copies.

// Each range that is open may cost so many workers; when more die, they die of something else.
Supervisor::Limits limits_of(const DataLoaderOptions& options, const SharedParts& shared) {
  return {options.retries(), (options.retries() + 1) * shared.geometry.ranges * shared.geometry.slots,
          shared.memory.device_arena() != nullptr ? cuda::kDeadWorkGrace : std::chrono::nanoseconds(0),
          limit_of(options.sample_timeout())};
}

}  // namespace

Engine::Engine(Parts parts, const DataLoaderOptions& options)
    : options_(options),
      source_(std::move(parts.source)),
      traits_(traits_of(*source_)),
      shared_(std::move(parts.shared)),
      events_(std::move(parts.events)),
      crew_(std::move(parts.crew)),
      memory_(shared_->memory),
      board_(shared_->board),
      in_flight_(shared_->geometry.slots),
      cursor_(std::move(parts.order), reach_of(traits_, options_)),
      names_(*source_, in_flight_),
      completion_(turn_of(traits_, options_), in_flight_, board_, cursor_),
      returns_(options_.held(), memory_, in_flight_, completion_),
      tickets_(traits_, options_, in_flight_, memory_),
      opener_(*source_, options_, cursor_, in_flight_, board_, tickets_),
      mender_(options_, in_flight_, board_, tickets_),
      resume_(*source_, *shared_->spec, options_),
      supervisor_(*crew_, board_, limits_of(options_, *shared_)),
      failures_(in_flight_, board_, *crew_),
      overflow_(*crew_, board_, in_flight_),
      kept_(options_),
      deliveries_(traits_, options_.empty_batches(), shared_->spec, in_flight_, memory_, overflow_, kept_),
      stages_(board_, options_.num_workers() > 0 ? StageReader::ReadBy::kWorkers : StageReader::ReadBy::kTrainer) {
  tally_.note_earlier_deaths(parts.worker_deaths);
  if (!read_by_devices(options_)) return;
  const c10::Device device = options_.device().is_cuda() ? require_cuda(options_.device()) : options_.device();
  if (device.is_cuda() && memory_.device_arena() == nullptr)
    forwarder_.emplace(device, in_flight_.size(), static_cast<size_t>(options_.device_prefetch()), deliveries_,
                       completion_);
  memory_.serve_devices(device, tally_.stats);
}

Engine::~Engine() {
  if (owner_.is_here()) {
    tally_.end_epoch(cursor_.epoch());
    await_threads();
  } else {
    static_cast<void>(crew_.release());  // In a child that the user forked, the workers are the parent's.
  }
}

// A thread that reads a sample cannot be killed, so its end is waited for, with a notice where that takes long.
void Engine::await_threads() {
  const auto start = events_->now();
  LongWait long_wait(limit_of(options_.notice_after()), start);
  while (!crew_->end_within(Wait::kLookAgain)) {
    const auto now = events_->now();
    if (long_wait.is_due(now))
      tell(NoticeLevel::kWarning, "DataLoader: its destructor has waited " + seconds_text(long_wait.lasted(now)) +
                                      " for threads, which cannot be killed, to finish their samples" +
                                      what_workers_do(now));
  }
}

template <class Call>
auto Engine::remembering_corruption(Call call) {
  try {
    return call();
  } catch (const BoardCorrupted& e) {
    corrupted_ = e.what();
    throw;
  }
}

void Engine::refuse_contents(const DecodeError& error) {
  const BoardCorrupted corrupted = overwritten(error.what());
  corrupted_ = corrupted.what();
  throw corrupted;
}

// --- the journey ---

std::optional<Delivery> Engine::next() {
  supervisor_.require_crew();
  if (corrupted_) throw BoardCorrupted(*corrupted_);
  if (forwarder_) forwarder_->require_no_capture();
  return remembering_corruption([&] { return next_batch(); });
}

std::optional<Delivery> Engine::next_batch() {
  look_for_deaths();
  for (;;) {
    settle();
    open_ahead();
    if (completion_.epoch_is_over()) {
      begin_next_epoch();
      return std::nullopt;
    }
    const auto slot = wait_for_complete();
    if (!slot) continue;
    require_own_words(*slot);
    if (mend(*slot)) continue;
    supervisor_.batch_completed();
    auto delivery = deliver(*slot);
    if (!delivery) continue;
    cursor_.count_delivered();
    opener_.open_ahead(shared_->ahead);
    if (forwarder_) {
      forwarder_->bring(*slot, *delivery, tally_.stats);
      settle();  // Now, while the current stream has nothing more to do than what the copies wait for anyway.
    }
    return delivery;
  }
}

// The batch that is waited for, too, of loaders that prefetch none.
void Engine::open_ahead() { opener_.open_ahead(std::max<int64_t>(shared_->ahead, 1)); }

// Throws BoardCorrupted where the words that workers went by were overwritten: rows may then be others, or left out.
void Engine::require_own_words(size_t slot) const {
  if (in_flight_.plan(slot).error) return;  // No worker has seen it.
  require_as_told(board_, slot);
  tickets_.require_own(slot);
}

// Delivers a complete batch. nullopt for a batch of no samples that nobody is given: the end of a stream, or
// EmptyBatches::kLeftOut.
std::optional<Delivery> Engine::deliver(size_t slot) {
  raise_failure(slot);
  auto delivery = deliveries_.lend(slot, events_->now());
  const PackedBatch* const packed = delivery.packed ? &*delivery.packed : nullptr;
  tally_.stats.spilled_batches += delivery.came_by_message;
  if (delivery.kept) tally_.count_kept(options_.held());
  if (packed != nullptr && packed->skipped > 0)
    tally_.note_skipped(packed->skipped, "a sample of stream " + std::to_string(in_flight_.plan(slot).stream.stream) +
                                             ": " + printable_lines(packed->error));
  cursor_.pass(in_flight_[slot].sequence, in_flight_.plan(slot), packed);
  if (!deliveries_.gives(delivery.samples)) return std::nullopt;
  ++tally_.stats.batches;
  tally_.stats.samples += static_cast<uint64_t>(delivery.samples);
  return delivery;
}

void Engine::raise_failure(size_t slot) {
  if (const auto error = in_flight_.plan(slot).error) {
    in_flight_.set_error(slot, nullptr);
    lose(slot);
    std::rethrow_exception(error);
  }
  const auto failure = failures_.first_in(slot);
  if (!failure) return;
  tally_.note_error(failure->text());
  lose(slot);
  failure->raise();
}

// The batch is behind us, and its slot is free.
void Engine::lose(size_t slot) {
  cursor_.count_delivered();
  cursor_.pass(in_flight_[slot].sequence, in_flight_.plan(slot), nullptr);
  in_flight_.release(slot);
}

bool Engine::mend(size_t slot) {
  if (in_flight_.plan(slot).error) return false;
  if (options_.on_error() == OnError::kRaise || traits_.streamed) return false;
  return mender_.mend(slot, failures_, tally_);
}

void Engine::settle() {
  settle_estates();
  returns_.take_in();
}

// --- epochs ---

void Engine::begin_next_epoch() {
  tally_.end_epoch(cursor_.epoch());
  cursor_.begin_next_epoch();
  // The batches of other datasets are open already.
  if (traits_.streamed && options_.prefetch_next_epoch()) opener_.open_ahead(shared_->ahead);
}

void Engine::set_epoch(int64_t epoch) {
  if (epoch < 0) throw std::invalid_argument("epoch " + std::to_string(epoch) + " cannot be negative");
  if (epoch == cursor_.epoch() && !cursor_.has_delivered()) return;
  tally_.end_epoch(cursor_.epoch());
  cancel_open();
  cursor_.go_to(epoch);
}

void Engine::leave_unfinished_epoch() {
  if (!cursor_.has_delivered()) return;
  if (completion_.epoch_is_over())
    begin_next_epoch();  // Left at its last batch, before its end was told: what is prefetched stays.
  else
    set_epoch(cursor_.epoch() + 1);
}

void Engine::load_state(const LoaderState& state) {
  resume_.require_own(state, cursor_);
  tally_.end_epoch(cursor_.epoch());
  cursor_.load(state);
  cancel_open();
}

void Engine::cancel_open() {
  for (const size_t slot : in_flight_.open_in_order()) {
    board_.close_unclaimed(slot, in_flight_[slot].generation);
    in_flight_.cancel(slot);
    if (forwarder_) forwarder_->drop(slot);
  }
}

// --- waiting ---

// Waits for a complete batch. nullopt when it turns out that the epoch has no batch left, which is not known while no
// slot is free to open one.
std::optional<size_t> Engine::wait_for_complete() {
  if (const auto slot = completion_.find()) return slot;
  Wait wait(*events_, limit_of(options_.timeout()), limit_of(options_.notice_after()), tally_.stats.wait_seconds);
  auto slot = read_here(wait);
  if (slot || events_->look_for_a_while([&] { return (slot = completion_.find()).has_value(); })) return slot;
  for (;;) {
    if (in_flight_.count(SlotState::kOpen) == 0) returns_.require_one(wait.start(), events_->now());
    sleep(wait);
    settle();
    open_ahead();
    if (completion_.epoch_is_over()) return std::nullopt;
    if ((slot = completion_.find()) || (slot = read_here(wait))) return slot;
    const auto now = events_->now();
    if (wait.looks_again(now)) {
      require_sound();
      overflow_.collect();
    }
    supervisor_.end_stuck(now, [this](int64_t sample) { return names_.path_of(sample); });
    supervisor_.require_workers(wait.start(), now);
    tell_if_long(wait, now);
    require_in_time(wait);
  }
}

// Reads in this thread, where it is the crew, until a batch is complete or nothing is left to read.
std::optional<size_t> Engine::read_here(Wait& wait) {
  while (crew_->fill_one()) {
    if (const auto slot = completion_.find()) return slot;
    tell_if_long(wait, events_->now());
    require_in_time(wait);
  }
  return std::nullopt;
}

void Engine::tell_if_long(Wait& wait, Events::Time now) const {
  if (!wait.is_long(now)) return;
  tell(NoticeLevel::kWarning, "DataLoader: " + what_is_awaited() + " has not come for " +
                                  seconds_text(now - wait.start()) + what_workers_do(now));
}

std::string Engine::what_is_awaited() const {
  if (in_flight_.count(SlotState::kOpen) == 0)
    return "a free slot";  // One of an epoch that was left is still read into.
  const auto sequence = completion_.awaited();
  const auto slot = sequence ? in_flight_.find_open(*sequence) : std::nullopt;
  if (!slot) return "a batch";
  const BatchPlan& plan = in_flight_.plan(*slot);
  return "batch " + std::to_string(plan.batch) + " of epoch " + std::to_string(plan.epoch);
}

std::string Engine::what_workers_do(Events::Time now) const {
  return supervisor_.what_workers_do(now, [this](int64_t sample) { return names_.path_of(sample); });
}

void Engine::require_in_time(const Wait& wait) const {
  if (!wait.has_ended()) return;
  require_sound();
  throw LoaderTimeout(no_batch_within(options_) + what_workers_do(events_->now()));
}

void Engine::require_sound() const { require_sound_board(board_, in_flight_, *crew_, supervisor_); }

// Sleeps until a worker completes a batch that is waited for, a slot comes home or a worker dies; buries the dead.
void Engine::sleep(const Wait& wait) {
  board_.start_waiting(completion_.awaited());
  const bool starved = in_flight_.count(SlotState::kOpen) == 0;  // Only a slot that comes home helps then.
  if (starved) memory_.arena().start_waiting();
  const bool copies = in_flight_.count(SlotState::kSettling) > 0;
  auto limit = wait.left(copies ? kLookForCopies : Wait::kLookAgain);
  if (completion_.find()) limit = {};  // Completed between our last look and start_waiting().
  bury(events_->wait(limit));
  supervisor_.fill_vacancies();
  board_.stop_waiting();
  if (starved) memory_.arena().stop_waiting();
}

// --- workers ---

void Engine::wait_ready() {
  const auto start = events_->now();
  LongWait long_wait(limit_of(options_.notice_after()), start);
  while (!crew_->all_ready()) {
    board_.start_waiting(std::nullopt);
    remembering_corruption([&] { bury(events_->wait(Wait::kLookAgain)); });
    supervisor_.fill_vacancies();
    board_.stop_waiting();
    remembering_corruption([&] { require_sound(); });
    const auto now = events_->now();
    supervisor_.require_workers(start, now);
    if (long_wait.is_due(now))
      tell(NoticeLevel::kWarning, "DataLoader: wait_ready() has waited " + seconds_text(long_wait.lasted(now)) +
                                      " for workers to build their datasets" + what_workers_do(now));
  }
}

// A trainer that never has to wait would never learn of a death. Looked at rarely, since it is a system call.
void Engine::look_for_deaths() {
  if (crew_->pid(0) == 0 || events_->now() < next_look_for_deaths_) return;
  bury(events_->wait(std::chrono::nanoseconds(0)));
  supervisor_.fill_vacancies();
  next_look_for_deaths_ = events_->now() + kLookForDeaths;
}

void Engine::bury(const std::vector<size_t>& workers) {
  for (const size_t worker : workers)
    if (const auto death = crew_->bury(worker)) bury(*death);
}

void Engine::bury(const Crew::Death& death) {
  ++tally_.stats.worker_deaths;
  require_not_stopped(board_);  // Else the next ones would end as soon.
  const FdSocket overflow = supervisor_.take_note(death, events_->now());
  settle_estates();
  supervisor_.fill_vacancies();
  overflow_.collect(death.worker, overflow);  // Last: it may be garbage, and then nobody would be in its place.
}

void Engine::settle_estates() {
  if (!supervisor_.has_estates()) return;
  const auto name = [this](size_t slot, int64_t sample) { return names_.in_slot(slot, sample); };
  supervisor_.settle_estates(events_->now(), [&](const Supervisor::Estate& estate) {
    const size_t read_again = mender_.inherit(estate, name);
    tally_.note_death(estate.str("sample " + std::to_string(estate.sample) + names_.path_of(estate.sample)),
                      read_again);
  });
}

// --- what is asked ---

LoaderStats Engine::stats() const {
  LoaderStats stats = tally_.stats;
  for (size_t w = 0; w < shared_->geometry.workers; ++w)
    stats.damaged_jpegs += board_.beacon(w).damaged_jpegs.load(std::memory_order_relaxed);
  return stats;
}

StageReport Engine::stages() const {
  return stages_.report(static_cast<uint64_t>(events_->now().time_since_epoch().count()));
}

std::vector<pid_t> Engine::worker_pids() const {
  std::vector<pid_t> pids;
  for (size_t w = 0; w < crew_->size(); ++w)
    if (const pid_t pid = crew_->pid(w)) pids.push_back(pid);
  return pids;
}

}  // namespace millrace
