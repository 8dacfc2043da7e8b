#include "millrace/loader/engine/engine.h"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include "millrace/loader/engine/audit.h"
#include "millrace/loader/engine/corrupted.h"
#include "millrace/loader/engine/inline_crew.h"
#include "millrace/loader/engine/process_crew.h"
#include "millrace/loader/engine/seconds_text.h"
#include "millrace/loader/engine/setup.h"
#include "millrace/loader/engine/thread_crew.h"
#include "millrace/loader/engine/worker.h"
#include "millrace/sharing/cuda/dead_work.h"
#include "millrace/sharing/os/look.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {
namespace {

// What wakes the trainer; workers are kFirstWorker + number.
enum WakeKey : uint64_t { kDone, kReturned, kFirstWorker };

// Bounds the harm of a wake-up that a hostile worker swallows.
constexpr auto kLookAgain = std::chrono::milliseconds(100);
constexpr auto kLookForDeaths = std::chrono::milliseconds(10);
constexpr auto kLookForCopies = std::chrono::milliseconds(1);  // No descriptor tells of the end of a device's copies.
constexpr auto kHeldGrace = std::chrono::seconds(2);           // For another thread of the user's to drop a batch.

// Zero is for ever here.
Timeout limit_of(std::chrono::milliseconds option) {
  return option.count() > 0 ? Timeout(option) : Timeout(std::nullopt);
}

// Whatever ends a wait, an error too, it was time in which the trainer had no data.
class Stopwatch {
 public:
  Stopwatch(std::chrono::steady_clock::time_point start, double& seconds) : start_(start), seconds_(seconds) {}
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() { seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_;
  double& seconds_;
};

}  // namespace

Engine::Engine(LoaderParts parts, const DataLoaderOptions& options)
    : options_(checked(options)),
      owner_(own_pid()),
      source_(std::move(parts.source)),
      traits_(traits_of(*source_)),
      travelling_(std::move(parts.travelling)),
      spec_(std::make_shared<const SampleSpec>(spec_of(*source_, options_))),
      layout_(layout_of(*spec_, static_cast<size_t>(options_.batch_size()))),
      ahead_(batches_ahead(traits_, options_, layout_.slot_bytes())),
      geometry_(geometry_of(traits_, ahead_, options_)),
      memory_(layout_, geometry_.slots, device_arena_of(traits_, options_, geometry_.slots)),
      board_segment_(SharedSegment::create("board", Board::bytes(geometry_), "use fewer workers")),
      board_memory_(board_segment_, Access::kReadWrite),
      board_(board_memory_.data(), geometry_),
      workers_board_(board_memory_.data(), geometry_),
      in_flight_(geometry_.slots),
      cursor_(make_order(*source_, std::move(parts.sampler), std::move(parts.batch_sampler), options_),
              reach_of(traits_, options_)),
      tickets_(traits_, options_, in_flight_, memory_),
      opener_(*source_, options_, cursor_, in_flight_, board_, tickets_),
      mender_(options_, in_flight_, board_, tickets_),
      resume_(*source_, *spec_, options_),
      crew_(make_crew()),
      supervisor_(*crew_, board_, limits()),
      failures_(in_flight_, board_, *crew_),
      overflow_(*crew_, board_, in_flight_),
      deliveries_(traits_, spec_, in_flight_, memory_, overflow_) {
  epoll_.add(done_.fd(), kDone);
  epoll_.add(memory_.arena().returned().fd(), kReturned);
  if (!read_by_devices(options_)) return;
  const c10::Device device = options_.device().is_cuda() ? require_cuda(options_.device()) : options_.device();
  if (device.is_cuda() && memory_.device_arena() == nullptr) stage_.emplace(device, geometry_.slots);
  memory_.serve_devices(device, tally_.stats);
}

Engine::~Engine() {
  if (owner_ == own_pid())
    tally_.end(cursor_.epoch());
  else
    static_cast<void>(crew_.release());  // In a child that the user forked, the workers are the parent's.
}

std::unique_ptr<Crew> Engine::make_crew() {
  const WorkerRole role{-1, 0, static_cast<int>(options_.num_workers()), options_.seed_mode(),
                        options_.worker_init_fn()};
  const Worker::Place place{workers_board_, memory_.slot(0), memory_.device_arena(), layout_, done_, nullptr};
  if (role.num_workers == 0) return std::make_unique<InlineCrew>(place, *source_, role);
  if (options_.worker_mode() == WorkerMode::kThread) return std::make_unique<ThreadCrew>(board_, place, *source_, role);
  if (options_.start_method() != StartMethod::kFork && !travelling_)
    throw std::invalid_argument(
        std::string("this dataset cannot travel to ") + to_string(options_.start_method()) +
        " workers. Three cures: give it a default constructor and a serialize member that covers its fields; pass "
        "recipe(function, arguments...) instead of the object, so that each worker builds its own; or use what "
        "inherits live objects, start_method(StartMethod::kFork) or worker_mode(WorkerMode::kThread)");
  return std::make_unique<ProcessCrew>(
      ProcessCrew::Plan{options_.start_method(), board_, board_segment_, memory_.arena(), memory_.device_arena(),
                        layout_, *spec_, done_, travelling_ ? &*travelling_ : nullptr, source_.get(), role},
      epoll_, kFirstWorker);
}

// Each range that is open may cost so many workers; when more die, they die of something else.
Supervisor::Limits Engine::limits() const {
  return {options_.retries(), (options_.retries() + 1) * geometry_.ranges * geometry_.slots,
          memory_.device_arena() != nullptr ? cuda::kDeadWorkGrace : std::chrono::nanoseconds(0),
          limit_of(options_.sample_timeout())};
}

void Engine::require_owner() const {
  if (owner_ != own_pid())
    throw std::logic_error("this loader belongs to process " + std::to_string(owner_) + ", and process " +
                           std::to_string(own_pid()) +
                           ", which was forked from it, cannot use it: make a loader of its own there");
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
  if (stage_) stage_->require_no_capture();
  return remembering_corruption([&] { return next_batch(); });
}

std::optional<Delivery> Engine::next_batch() {
  look_for_deaths();
  for (;;) {
    settle();
    opener_.open_ahead(std::max<int64_t>(ahead_, 1));
    if (epoch_is_over()) {
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
    opener_.open_ahead(ahead_);
    if (stage_) bring_to_device(*slot, *delivery);
    return delivery;
  }
}

// What workers went by may have been overwritten, and then rows are others or were left out.
void Engine::require_own_words(size_t slot) const {
  if (in_flight_.plan(slot).error) return;  // No worker has seen it.
  require_as_told(board_, slot);
  tickets_.require_own(slot);
}

// nullopt for a batch that has no samples: the end of a stream, or all of them were left out.
std::optional<Delivery> Engine::deliver(size_t slot) {
  raise_failure(slot);
  auto delivery = deliveries_.lend(slot, Clock::now());
  const PackedBatch* const packed = delivery.packed ? &*delivery.packed : nullptr;
  tally_.stats.spilled_batches += delivery.came_by_message;
  if (packed != nullptr && packed->skipped > 0) {
    tally_.note_error("a sample of stream " + std::to_string(in_flight_.plan(slot).stream.stream) + ": " +
                      printable_lines(packed->error));
    tally_.stats.skipped_samples += packed->skipped;
    tally_.stats.sample_errors += packed->skipped;
  }
  cursor_.pass(in_flight_[slot].sequence, in_flight_.plan(slot), packed);
  if (delivery.samples == 0) return std::nullopt;
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
  ++tally_.stats.sample_errors;
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
  // A stream's worker leaves out samples itself.
  if (options_.on_error() == OnError::kRaise || traits_.streamed) return false;
  return mender_.mend(slot, failures_, tally_);
}

void Engine::settle() {
  settle_estates();
  for (const size_t slot : memory_.take_returned()) come_home(slot);
  for (size_t slot = 0; slot < in_flight_.size(); ++slot)
    if (in_flight_[slot].state == SlotState::kDraining && complete(slot)) come_home(slot);
  for (size_t slot = 0; memory_.is_read_by_devices() && slot < in_flight_.size(); ++slot)
    if (in_flight_[slot].state == SlotState::kSettling && memory_.passed(slot)) in_flight_.release(slot);
}

void Engine::come_home(size_t slot) {
  if (!memory_.is_read_by_devices()) return in_flight_.release(slot);
  in_flight_.settle(slot);
  memory_.close(slot);
}

// --- epochs ---

bool Engine::epoch_is_over() const {
  if (!cursor_.epoch_is_planned()) return false;
  for (size_t slot = 0; slot < in_flight_.size(); ++slot)
    if (in_flight_[slot].state == SlotState::kOpen && in_flight_[slot].epoch == cursor_.epoch()) return false;
  return true;
}

void Engine::begin_next_epoch() {
  tally_.end_epoch(cursor_.epoch());
  cursor_.begin_next_epoch();
  // Those of other datasets are open already.
  if (traits_.streamed) opener_.open_ahead(ahead_);
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
  if (epoch_is_over())
    begin_next_epoch();  // Left at its last batch, before its end was told: what is prefetched stays.
  else
    set_epoch(cursor_.epoch() + 1);
}

void Engine::load_state(const LoaderState& state) {
  resume_.require_own(state, cursor_);
  tally_.end_epoch(cursor_.epoch());  // Before anything changes: a handler of warnings may throw.
  cursor_.load(state);
  cancel_open();
}

void Engine::cancel_open() {
  for (const size_t slot : in_flight_.open_in_order()) {
    board_.close_unclaimed(slot, in_flight_[slot].generation);
    in_flight_.cancel(slot);
    if (stage_) stage_->drop(slot);
  }
}

// --- waiting ---

bool Engine::complete(size_t slot) const {
  if (in_flight_.plan(slot).error) return true;  // No worker will ever see it.
  for (size_t r = 0; r < in_flight_[slot].range_deaths.size(); ++r)
    if (board_.range(slot, r).pending()) return false;
  return true;
}

std::optional<size_t> Engine::find_complete() const {
  if (options_.in_order()) {
    const auto slot = in_flight_.find_open(cursor_.next_in_order());
    return slot && complete(*slot) ? slot : std::nullopt;
  }
  std::optional<size_t> oldest;
  for (size_t slot = 0; slot < in_flight_.size(); ++slot) {
    const auto& batch = in_flight_[slot];
    if (batch.state != SlotState::kOpen || batch.epoch != cursor_.epoch() || !complete(slot)) continue;
    // Of one stream batches come in order even as completed, since its state is a position. Its worker finishes them in
    // order, but a look at the slots, one after the other, may find the later one complete and not yet the earlier.
    if (traits_.streamed && !in_flight_.is_first_of_its_stream(slot)) continue;
    if (!oldest || batch.sequence < in_flight_[*oldest].sequence) oldest = slot;
  }
  return oldest;
}

// nullopt when it turns out that the epoch has no batch left, which is not known while no slot is free to open one.
std::optional<size_t> Engine::wait_for_complete() {
  if (const auto slot = find_complete()) return slot;
  const auto start = Clock::now();
  const Stopwatch stopwatch(start, tally_.stats.wait_seconds);
  const Deadline deadline(limit_of(options_.timeout()));
  auto next_audit = start + kLookAgain;
  auto slot = read_here(deadline);
  if (slot || look_for_a_while([&] { return (slot = find_complete()).has_value(); })) return slot;
  for (;;) {
    if (in_flight_.count(SlotState::kOpen) == 0) require_slot_comes_home(start);
    sleep(deadline);
    settle();
    opener_.open_ahead(std::max<int64_t>(ahead_, 1));
    if (epoch_is_over()) return std::nullopt;
    if ((slot = find_complete()) || (slot = read_here(deadline))) return slot;
    const auto now = Clock::now();
    if (now >= next_audit) {
      require_sound_board(board_, in_flight_, *crew_, supervisor_);
      overflow_.collect();
      next_audit = now + kLookAgain;
    }
    supervisor_.end_stuck(now, [this](int64_t sample) { return name_of(sample); });
    supervisor_.require_workers(start, now);
    require_in_time(deadline);
  }
}

// Where this thread reads itself: until a batch is complete, or nothing is left to read.
std::optional<size_t> Engine::read_here(const Deadline& deadline) {
  while (crew_->fill_one()) {
    if (const auto slot = find_complete()) return slot;
    require_in_time(deadline);
  }
  return std::nullopt;
}

void Engine::require_in_time(const Deadline& deadline) {
  if (!deadline.passed()) return;
  require_sound_board(board_, in_flight_, *crew_, supervisor_);
  throw LoaderTimeout("no batch within " + std::to_string(options_.timeout().count()) + " ms" +
                      supervisor_.what_workers_do(Clock::now(), [this](int64_t sample) { return name_of(sample); }));
}

// Until a worker completes what we wait for, a slot comes home or a worker dies; and deals with the latter.
void Engine::sleep(const Deadline& deadline) {
  std::optional<uint64_t> sequence;
  if (options_.in_order() && in_flight_.find_open(cursor_.next_in_order())) sequence = cursor_.next_in_order();
  board_.start_waiting(sequence);
  const bool starved = in_flight_.count(SlotState::kOpen) == 0;  // Only a slot that comes home helps then.
  if (starved) memory_.arena().start_waiting();
  std::chrono::nanoseconds limit = kLookAgain;
  if (in_flight_.count(SlotState::kSettling) > 0) limit = kLookForCopies;
  limit = deadline.left(limit);
  if (find_complete()) limit = {};  // Completed between our last look and start_waiting().
  for (const uint64_t key : epoll_.wait(limit)) handle(key);
  supervisor_.fill_vacancies();
  board_.stop_waiting();
  if (starved) memory_.arena().stop_waiting();
}

// Nothing is open, so nothing will be completed: a slot must come home, from the user, from a worker that still writes
// or from a device that still reads.
void Engine::require_slot_comes_home(Clock::time_point since) {
  if (in_flight_.count(SlotState::kDraining) > 0 || in_flight_.count(SlotState::kFree) > 0) return;
  if (Clock::now() - since < kHeldGrace) return;
  if (in_flight_.count(SlotState::kSettling) > 0) {
    if (!memory_.waits_for_capture()) return;
    throw std::logic_error(  // In this thread the capture would never end.
        "the loader has no slot left while a CUDA graph is captured: batches that were dropped since it began are kept "
        "until it ends, since it may read them. Take what the graph needs before the capture");
  }
  auto oldest = Clock::now();
  for (size_t slot = 0; slot < in_flight_.size(); ++slot) oldest = std::min(oldest, in_flight_[slot].lent_since);
  throw TooManyBatchesHeld(
      "all " + std::to_string(in_flight_.size()) + " slots of the loader hold batches that you keep, the oldest for " +
      seconds_text(Clock::now() - oldest) +
      ": drop batches, clone() the tensors you want to keep, or raise DataLoaderOptions::held (now " +
      std::to_string(options_.held()) + ")");
}

// --- workers ---

void Engine::wait_ready() {
  const auto start = Clock::now();
  while (!crew_->all_ready()) {
    board_.start_waiting(std::nullopt);
    remembering_corruption([&] {
      for (const uint64_t key : epoll_.wait(kLookAgain)) handle(key);
    });
    supervisor_.fill_vacancies();
    board_.stop_waiting();
    remembering_corruption([&] { require_sound_board(board_, in_flight_, *crew_, supervisor_); });
    supervisor_.require_workers(start, Clock::now());
  }
}

// A trainer that never has to wait would never learn of a death. Looked at rarely, since it is a system call.
void Engine::look_for_deaths() {
  if (crew_->pid(0) == 0 || Clock::now() < next_look_for_deaths_) return;
  for (const uint64_t key : epoll_.wait(std::chrono::nanoseconds(0))) handle(key);
  supervisor_.fill_vacancies();
  next_look_for_deaths_ = Clock::now() + kLookForDeaths;
}

void Engine::handle(uint64_t key) {
  if (key == kDone) return done_.clear();
  if (key == kReturned) return;  // Arena::stop_waiting() clears it.
  if (const auto death = crew_->bury(key - kFirstWorker)) bury(*death);
}

void Engine::bury(const Crew::Death& death) {
  ++tally_.stats.worker_deaths;
  require_not_stopped(board_);  // Else the next ones would end as soon.
  const FdSocket overflow = supervisor_.take_note(death, Clock::now());
  settle_estates();
  supervisor_.fill_vacancies();
  overflow_.collect(death.worker, overflow);  // Last: it may be garbage, and then nobody would be in its place.
}

void Engine::settle_estates() {
  if (!supervisor_.has_estates()) return;
  const auto name_in_slot = [this](size_t slot, int64_t sample) {
    const std::string number = "sample " + std::to_string(sample);
    if (!traits_.streamed) return number + name_of(sample);
    return number + " of stream " + std::to_string(in_flight_.plan(slot).stream.stream);
  };
  supervisor_.settle_estates(Clock::now(), [&](const auto& estate) { mender_.inherit(estate, name_in_slot); });
}

// " (path)", or nothing. The sample's number came from shared memory.
std::string Engine::name_of(int64_t sample) const {
  if (sample < 0 || static_cast<size_t>(sample) >= source_->size()) return {};
  const std::string name = source_->describe(static_cast<size_t>(sample));
  return name.empty() ? name : " (" + printable(name) + ")";
}

// --- to the device ---

void Engine::bring_to_device(size_t slot, Delivery& delivery) {
  const bool was_ahead = stage_->has(slot);
  stage_->deliver(slot, delivery);
  ++tally_.stats.device_copies;
  tally_.stats.copied_ahead += was_ahead;
  copy_ahead();
  settle();  // Now, while the current stream has nothing more to do than what the copies wait for anyway.
}

// Of the batches that come next, those that are complete.
void Engine::copy_ahead() {
  auto next = in_flight_.open_in_order();
  if (!options_.in_order()) std::erase_if(next, [&](size_t slot) { return !complete(slot); });
  next.resize(std::min(next.size(), static_cast<size_t>(options_.device_prefetch())));
  for (const size_t slot : next) {
    if (stage_->has(slot) || !all_done(slot)) continue;
    if (auto batch = deliveries_.preview(slot)) stage_->start(slot, std::move(*batch));
  }
}

bool Engine::all_done(size_t slot) const {
  if (in_flight_.plan(slot).error) return false;
  for (size_t r = 0; r < in_flight_[slot].range_deaths.size(); ++r) {
    const RangeWord word = board_.range(slot, r);
    if (word.state != RangeState::kDone || word.generation != in_flight_[slot].generation) return false;
  }
  return true;
}

// --- what is asked ---

int64_t Engine::size() const {
  if (const auto size = cursor_.size()) return *size;
  throw std::logic_error("this loader has no size(): its dataset does not know how many samples its streams give");
}

LoaderStats Engine::stats() const {
  LoaderStats stats = tally_.stats;
  for (size_t w = 0; w < geometry_.workers; ++w)
    stats.damaged_jpegs += board_.beacon(w).damaged_jpegs.load(std::memory_order_relaxed);
  return stats;
}

std::vector<pid_t> Engine::worker_pids() const {
  std::vector<pid_t> pids;
  for (size_t w = 0; w < crew_->size(); ++w)
    if (const pid_t pid = crew_->pid(w)) pids.push_back(pid);
  return pids;
}

}  // namespace millrace
