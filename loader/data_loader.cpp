#include "millrace/loader/data_loader.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <exception>
#include <map>
#include <span>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/board.h"
#include "millrace/loader/device/device_stage.h"
#include "millrace/loader/device/pinning.h"
#include "millrace/loader/engine/cursor.h"
#include "millrace/loader/engine/epoch_seeds.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/tally.h"
#include "millrace/loader/engine/verdict.h"
#include "millrace/loader/seeds.h"
#include "millrace/loader/setup.h"
#include "millrace/loader/worker.h"
#include "millrace/loader/worker_crew.h"
#include "millrace/sharing/cuda/dead_work.h"
#include "millrace/sharing/memory/arena.h"
#include "millrace/sharing/memory/slot_layout.h"
#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/look.h"
#include "millrace/sharing/os/own_pid.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/process/fork_server.h"
#include "millrace/sharing/sync/deadline.h"

namespace millrace {
namespace {

using Clock = std::chrono::steady_clock;

// What wakes the trainer; workers are kFirstWorker + number.
enum WakeKey : uint64_t { kDone, kReturned, kFirstWorker };

constexpr auto kRescan =
    std::chrono::milliseconds(100);  // Bounds the harm of a wake-up that a hostile worker swallows.
constexpr auto kLookForDeaths = std::chrono::milliseconds(10);
constexpr auto kLookForCopies = std::chrono::milliseconds(1);  // No descriptor tells of the end of a device's copies.
constexpr auto kVacantLimit = std::chrono::seconds(30);        // As for any answer of the fork server.
constexpr auto kHeldGrace = std::chrono::seconds(2);           // For another thread of the user's to drop a batch.

std::string seconds_text(Clock::duration duration) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

// The journey of a batch, from the trainer's side: open_ahead() asks the order for indices and opens a slot; workers
// fill it; find_complete() sees it; deliver() lends it; the lease brings it home and settle() makes it free, when no
// device reads it any more.
class DataLoaderBase::Engine {
 public:
  Engine(Parts parts, const DataLoaderOptions& options)
      : options_(checked(options)),
        owner_(own_pid()),
        kind_(parts.source->kind()),
        cursor_(make_order(*parts.source, std::move(parts.sampler), std::move(parts.batch_sampler), options_),
                reach_of(kind_, options_)),
        source_(std::move(parts.source)),
        travelling_(std::move(parts.travelling)),
        spec_(std::make_shared<const SampleSpec>(spec_of(*source_, options_))),
        layout_(layout_of(*spec_, static_cast<size_t>(options_.batch_size()))),
        ahead_(batches_ahead(kind_, options_, layout_.slot_bytes())),
        arena_(std::make_shared<Arena>(slots_needed(ahead_, options_), layout_.slot_bytes(),
                                       "use a smaller batch_size, prefetch or held")),
        device_arena_(device_arena_of(kind_, options_, arena_->slots())),
        geometry_(geometry_of(kind_, ahead_, options_)),
        board_segment_(SharedSegment::create("board", Board::bytes(geometry_), "use fewer workers")),
        board_memory_(board_segment_, Access::kReadWrite),
        board_(board_memory_.data(), geometry_),
        in_flight_(geometry_.slots),
        seeds_(options_),
        openings_(geometry_.slots),
        opened_at_collection_(geometry_.workers) {
    epoll_.add(done_.fd(), kDone);
    epoll_.add(arena_->returned().fd(), kReturned);
    start_workers();
    if (read_by_devices(options_)) serve_devices();
  }

  ~Engine() {
    if (owner_ == own_pid()) {
      tally_.end(cursor_.epoch());
      return;
    }
    // In a child that the user forked, the workers are the parent's.
    static_cast<void>(processes_.release());
    static_cast<void>(threads_.release());
  }

  std::optional<Delivery> next() {
    if (fatal_) throw WorkerStartError(*fatal_);
    if (corrupted_) throw BoardCorrupted(*corrupted_);
    if (stage_) stage_->require_no_capture();
    look_for_deaths();
    for (;;) {
      settle();
      open_ahead(std::max<int64_t>(ahead_, 1));
      if (epoch_is_over()) {
        begin_next_epoch();
        return std::nullopt;
      }
      const auto slot = wait_for_complete();
      if (!slot || mend(*slot)) continue;
      deaths_without_batch_ = 0;
      auto delivery = deliver(*slot);
      if (!delivery) continue;
      cursor_.count_delivered();
      open_ahead(ahead_);
      if (stage_) bring_to_device(*slot, *delivery);
      return delivery;
    }
  }

  // A forked child has a copy of all our notes; what it opened and took would be missing here.
  void require_owner() const {
    if (owner_ != own_pid())
      throw std::logic_error("this loader belongs to process " + std::to_string(owner_) + ", and process " +
                             std::to_string(own_pid()) +
                             ", which was forked from it, cannot use it: make a loader of its own there");
  }

  [[noreturn]] void refuse_contents(const DecodeError& error) { throw_corrupted(error.what()); }

  void set_epoch(int64_t epoch) {
    if (epoch < 0) throw std::invalid_argument("epoch " + std::to_string(epoch) + " cannot be negative");
    if (epoch == cursor_.epoch() && !cursor_.has_delivered()) return;
    tally_.end_epoch(cursor_.epoch());
    cancel_open();
    cursor_.go_to(epoch);
  }

  void leave_unfinished_epoch() {
    if (!cursor_.has_delivered()) return;
    if (epoch_is_over())
      begin_next_epoch();  // Left at its last batch, before its end was told: what is prefetched stays.
    else
      set_epoch(cursor_.epoch() + 1);
  }

  LoaderState state() const {
    require_resumable();
    LoaderState state;
    state.samples = source_->size();
    state.fields = fields_text();
    state.seed = options_.seed();
    state.batch_size = options_.batch_size();
    const auto slot = in_flight_.find_open(cursor_.next_in_order());
    cursor_.save(state, slot ? &in_flight_.plan(*slot) : nullptr);
    return state;
  }

  void load_state(const LoaderState& state) {
    require_resumable();
    const auto refuse = [](const std::string& what, const auto& theirs, const auto& ours) {
      std::ostringstream text;
      text << "this loader cannot go on from that state: its " << what << " is " << ours << ", the state's is "
           << theirs;
      throw std::invalid_argument(text.str());
    };
    if (state.version != LoaderState::kVersion) refuse("version", state.version, LoaderState::kVersion);
    if (state.samples != source_->size()) refuse("dataset's number of samples", state.samples, source_->size());
    if (state.fields != fields_text()) refuse("dataset's sample", printable(state.fields), fields_text());
    if (state.seed != options_.seed()) refuse("seed", state.seed, options_.seed());
    if (state.order != cursor_.order_name()) refuse("order", printable(state.order), cursor_.order_name());
    // Batches that were given ahead are known by their number.
    if (!state.ahead.empty() && state.batch_size != options_.batch_size())
      refuse("batch_size", state.batch_size, options_.batch_size());
    if (state.epoch < 0) throw std::invalid_argument("this loader cannot go on from that state: its epoch is negative");
    for (size_t s = 0; s < state.streams.size(); ++s) require_own_state(s, state.streams[s].state);
    tally_.end_epoch(cursor_.epoch());  // Before anything changes: a handler of warnings may throw.
    cursor_.load(state);
    cancel_open();
  }

  void require_own_state(size_t stream, const std::vector<std::byte>& state) const {
    try {
      source_->check_state(state);
    } catch (const DecodeError& e) {
      throw std::invalid_argument("this loader cannot go on from that state: that of its stream " +
                                  std::to_string(stream) + " is no state of this dataset: " + e.what());
    }
  }

  void wait_ready() {
    const auto start = Clock::now();
    while (processes_ && !processes_->all_ready()) {
      board_.start_waiting(std::nullopt);
      for (const uint64_t key : epoll_.wait(kRescan)) handle(key);
      fill_vacancies();
      board_.stop_waiting();
      require_sound_board();
      require_workers(start);
    }
  }

  int64_t size() const {
    if (const auto size = cursor_.size()) return *size;
    throw std::logic_error("this loader has no size(): its dataset does not know how many samples its streams give");
  }
  int64_t epoch() const { return cursor_.epoch(); }
  LoaderStats stats() const {
    LoaderStats stats = tally_.stats;
    for (size_t w = 0; w < geometry_.workers; ++w)
      stats.damaged_jpegs += board_.beacon(w).damaged_jpegs.load(std::memory_order_relaxed);
    return stats;
  }
  cuda::api::Stream copy_stream(int device) { return gate_ ? gate_->copy_stream(device) : nullptr; }
  const DataLoaderOptions& options() const { return options_; }
  const SampleSpec& spec() const { return *spec_; }

  std::vector<pid_t> worker_pids() const {
    std::vector<pid_t> pids;
    for (size_t w = 0; processes_ && w < processes_->size(); ++w) pids.push_back(processes_->pid(w));
    return pids;
  }

 private:
  static SampleSpec spec_of(Source& source, const DataLoaderOptions& options) {
    if (source.kind() != Source::Kind::kStreams && source.size() == 0) return {};
    if (source.kind() != Source::Kind::kRows && options.max_sample_bytes() > 0)
      return packed_spec(options.max_sample_bytes());
    return source.spec();
  }

  static std::shared_ptr<cuda::DeviceArena> device_arena_of(Source::Kind kind, const DataLoaderOptions& options,
                                                            size_t slots) {
    if (options.device_batch_bytes() == 0) return nullptr;
    if (kind == Source::Kind::kRows)
      throw std::invalid_argument(
          "DataLoaderOptions: device_batch_bytes is for datasets that make CUDA tensors, but this one's samples are "
          "rows of host memory: leave it out, and the loader copies the batches to the device; or give a collate "
          "function");
    return std::make_shared<cuda::DeviceArena>(require_cuda(options.device()).index(), slots,
                                               options.device_batch_bytes(),
                                               "lower DataLoaderOptions::device_batch_bytes, prefetch or held");
  }

  // Of packed batches the room they take says nothing.
  std::string fields_text() const { return kind_ == Source::Kind::kRows ? to_string(*spec_) : "packed"; }

  void require_resumable() const {
    if (options_.seed_mode() == SeedMode::kTorch)
      throw std::logic_error(
          "with SeedMode::kTorch there is no state to resume from: the workers' generators are part of it, and PyTorch "
          "does not keep them either. Use SeedMode::kPerSample");
  }

  void start_workers() {
    const WorkerRole role{-1, 0, static_cast<int>(options_.num_workers()), options_.seed_mode(),
                          options_.worker_init_fn()};
    Worker::Place place{board_, arena_->slot(0), device_arena_.get(), layout_, done_, nullptr};
    if (role.num_workers == 0) {
      inline_spill_ = FdSocket::pair();
      place.spill = &inline_spill_.second;
      inline_worker_.emplace(place, *source_, role);
    } else if (options_.worker_mode() == WorkerMode::kThread) {
      threads_ = std::make_unique<ThreadCrew>(place, *source_, role);
    } else {
      if (options_.start_method() != StartMethod::kFork && !travelling_)
        throw std::invalid_argument(
            std::string("this dataset cannot travel to ") + to_string(options_.start_method()) +
            " workers. Three cures: give it a default constructor and a serialize member that covers its fields; pass "
            "recipe(function, arguments...) instead of the object, so that each worker builds its own; or use what "
            "inherits live objects, start_method(StartMethod::kFork) or worker_mode(WorkerMode::kThread)");
      processes_ = std::make_unique<ProcessCrew>(
          ProcessCrew::Plan{options_.start_method(), board_, board_segment_, *arena_, device_arena_.get(), layout_,
                            *spec_, done_, travelling_ ? &*travelling_ : nullptr, source_.get(), role},
          epoll_, kFirstWorker);
      deaths_before_ready_.assign(processes_->size(), 0);
    }
  }

  // Behind the start of the workers: those that are forked off this process are then free of CUDA.
  void serve_devices() {
    const c10::Device device = options_.device().is_cuda() ? require_cuda(options_.device()) : options_.device();
    if (device.is_cuda() && !device_arena_) stage_.emplace(device, geometry_.slots);
    auto pinning = pin(*arena_, device);
    gate_ = std::move(pinning.gate);
    tally_.stats.pinned_bytes = pinning.bytes;
    tally_.stats.pin_error = std::move(pinning.error);
  }

  // --- opening ---

  // Plans go on into the next epoch, so that its first batch does not come late; but not where the next epoch's order
  // is drawn from torch's generator, or its streams cannot begin before the last ones have ended.
  static Cursor::Reach reach_of(Source::Kind kind, const DataLoaderOptions& options) {
    const bool may_go_on = kind != Source::Kind::kStreams && options.seed_mode() == SeedMode::kPerSample;
    return may_go_on ? Cursor::Reach::kNextEpochs : Cursor::Reach::kEpoch;
  }

  bool epoch_is_over() const {
    if (!cursor_.epoch_is_planned()) return false;
    for (size_t slot = 0; slot < in_flight_.size(); ++slot)
      if (in_flight_[slot].state == SlotState::kOpen && in_flight_[slot].epoch == cursor_.epoch()) return false;
    return true;
  }

  void begin_next_epoch() {
    tally_.end_epoch(cursor_.epoch());
    cursor_.begin_next_epoch();
    if (kind_ == Source::Kind::kStreams) open_ahead(ahead_);
  }

  void open_ahead(int64_t wanted) {
    for (auto open = static_cast<int64_t>(in_flight_.count(SlotState::kOpen)); open < wanted; ++open)
      if (!open_one()) return;
  }

  bool open_one() {
    if (cursor_.exhausted() || in_flight_.count(SlotState::kFree) == 0) return false;
    if (cursor_.begins_epoch()) seeds_.begin_epoch();
    const auto sequence = cursor_.plan_next(plan_, indices_);
    if (!sequence) return false;
    const size_t samples = kind_ == Source::Kind::kStreams ? 1 : indices_.size();
    if (!plan_.error) plan_.error = complaint_about_indices();
    const size_t slot = in_flight_.open(*sequence, plan_, plan_.error ? 0 : board_.range_count(samples), indices_);
    if (!plan_.error) in_flight_.set_error(slot, open_on_board(slot, samples));
    return true;
  }

  // Why not, if it cannot be opened. Thrown from here the error would come while another batch is given, which would be
  // lost, and at a time that depends on how many are opened ahead.
  std::exception_ptr open_on_board(size_t slot, size_t samples) {
    try {
      write_tickets(slot);
    } catch (...) {
      return std::current_exception();
    }
    openings_[slot] = {in_flight_[slot].sequence, static_cast<uint32_t>(samples), worker_for(plan_), seeds_.base()};
    board_.open(slot, in_flight_[slot].generation, openings_[slot]);
    ++times_opened_;
    return nullptr;
  }

  void reopen(size_t slot, size_t range) {
    board_.reopen(slot, range, in_flight_[slot].generation);
    ++times_opened_;
  }

  // A stream stays with one worker, as long as it lives; PyTorch deals out batches in turns.
  uint32_t worker_for(const BatchPlan& plan) const {
    if (kind_ == Source::Kind::kStreams) return static_cast<uint32_t>(plan.stream.stream % geometry_.workers);
    if (options_.seed_mode() == SeedMode::kTorch) return static_cast<uint32_t>(plan.batch % geometry_.workers);
    return Board::kAnyWorker;
  }

  // None when they can be opened.
  std::exception_ptr complaint_about_indices() const {
    const auto samples = static_cast<int64_t>(source_->size());
    if (std::ssize(indices_) > options_.batch_size())
      return std::make_exception_ptr(std::out_of_range(
          "the sampler gave a batch of " + std::to_string(indices_.size()) + " samples, but batch_size is " +
          std::to_string(options_.batch_size()) + ": set it to the largest batch of the sampler"));
    for (const int64_t index : indices_)
      if (index < 0 || index >= samples)
        return std::make_exception_ptr(std::out_of_range("the sampler gave index " + std::to_string(index) +
                                                         " for a dataset of " + std::to_string(samples) + " samples"));
    return nullptr;
  }

  void write_tickets(size_t slot) {
    const auto tickets = layout_.tickets(arena_->slot(slot));
    const auto& indices = in_flight_[slot].indices;
    const BatchPlan& plan = in_flight_.plan(slot);
    if (kind_ == Source::Kind::kStreams) {
      StreamRequest request = plan.stream;
      request.skip_errors = options_.on_error() == OnError::kSkip;
      tickets[0] = {0, sample_seed(options_.seed(), plan.epoch, 0)};
      write_stream_request(request, layout_.body(arena_->slot(slot)));
    }
    for (size_t i = 0; i < indices.size(); ++i) tickets[i] = ticket_of(slot, i);
  }

  SampleTicket ticket_of(size_t slot, size_t row) const {
    const BatchPlan& plan = in_flight_.plan(slot);
    return {in_flight_[slot].indices[row],
            sample_seed(options_.seed(), plan.epoch, plan.position + static_cast<int64_t>(row))};
  }

  void cancel_open() {
    for (size_t slot = 0; slot < in_flight_.size(); ++slot) {
      if (in_flight_[slot].state != SlotState::kOpen) continue;
      board_.close_unclaimed(slot, in_flight_[slot].generation);
      in_flight_.cancel(slot);
      if (stage_) stage_->drop(slot);
    }
  }

  // --- completing ---

  bool complete(size_t slot) const {
    if (in_flight_.plan(slot).error) return true;  // No worker will ever see it.
    for (size_t r = 0; r < in_flight_[slot].range_deaths.size(); ++r)
      if (board_.range(slot, r).pending()) return false;
    return true;
  }

  std::optional<size_t> find_complete() const {
    if (options_.in_order()) {
      const auto slot = in_flight_.find_open(cursor_.next_in_order());
      return slot && complete(*slot) ? slot : std::nullopt;
    }
    std::optional<size_t> oldest;
    for (size_t slot = 0; slot < in_flight_.size(); ++slot) {
      const auto& entry = in_flight_[slot];
      if (entry.state != SlotState::kOpen || entry.epoch != cursor_.epoch() || !complete(slot)) continue;
      // Of one stream batches come in order even as completed, since its state is a position. Its worker finishes them
      // in order, but a look at the slots, one after the other, may find the later one complete and not yet the
      // earlier.
      if (kind_ == Source::Kind::kStreams && !in_flight_.is_first_of_its_stream(slot)) continue;
      if (!oldest || entry.sequence < in_flight_[*oldest].sequence) oldest = slot;
    }
    return oldest;
  }

  // nullopt when it turns out that the epoch has no batch left, which is not known while no slot is free to open one.
  std::optional<size_t> wait_for_complete() {
    if (const auto slot = find_complete()) return slot;
    const auto start = Clock::now();
    // Whatever ends the wait, an error too, it was time in which the trainer had no data.
    struct Stopwatch {
      Clock::time_point start;
      double& seconds;
      ~Stopwatch() { seconds += std::chrono::duration<double>(Clock::now() - start).count(); }
    } stopwatch{start, tally_.stats.wait_seconds};

    if (inline_worker_) return complete_inline();
    next_look_at_board_ = start + kRescan;
    std::optional<size_t> slot;
    if (look_for_a_while([&] { return (slot = find_complete()).has_value(); })) return slot;
    const Deadline deadline(limit_of(options_.timeout()));
    for (;;) {
      if (in_flight_.count(SlotState::kOpen) == 0) require_slot_comes_home(start);
      sleep(deadline);
      settle();
      open_ahead(std::max<int64_t>(ahead_, 1));
      if (epoch_is_over()) return std::nullopt;
      if ((slot = find_complete())) return slot;
      if (Clock::now() >= next_look_at_board_) {
        require_sound_board();
        collect_spills();  // Those of batches that nobody waits for fill a worker's socket, and then it cannot go on.
        next_look_at_board_ = Clock::now() + kRescan;
      }
      look_for_stuck_workers();
      require_workers(start);
      if (deadline.passed()) {
        require_sound_board();
        throw LoaderTimeout("no batch within " + std::to_string(options_.timeout().count()) + " ms" +
                            what_workers_do());
      }
    }
  }

  std::optional<size_t> complete_inline() {
    const auto start = Clock::now();
    for (;;) {
      if (const auto slot = find_complete()) return slot;
      if (inline_worker_->fill_one()) continue;
      require_slot_comes_home(start);
      sleep(Deadline::never());
      settle();
      open_ahead(std::max<int64_t>(ahead_, 1));
      if (epoch_is_over()) return std::nullopt;
    }
  }

  // Sleeps until a worker completes what we wait for, a slot comes home or a worker dies; and deals with the latter.
  // Zero is for ever here.
  static Timeout limit_of(std::chrono::milliseconds option) {
    return option.count() > 0 ? Timeout(option) : Timeout(std::nullopt);
  }

  void sleep(const Deadline& deadline) {
    std::optional<uint64_t> sequence;
    if (options_.in_order() && in_flight_.find_open(cursor_.next_in_order())) sequence = cursor_.next_in_order();
    board_.start_waiting(sequence);
    const bool starved = in_flight_.count(SlotState::kOpen) == 0;  // Only a slot that comes home helps then.
    if (starved) arena_->start_waiting();
    std::chrono::nanoseconds limit = kRescan;
    if (in_flight_.count(SlotState::kSettling) > 0) limit = kLookForCopies;
    limit = deadline.left(limit);
    if (find_complete()) limit = {};  // Completed between our last look and start_waiting().
    for (const uint64_t key : epoll_.wait(limit)) handle(key);
    fill_vacancies();
    board_.stop_waiting();
    if (starved) arena_->stop_waiting();
  }

  // A trainer that never has to wait would never learn of a death. Looked at rarely, since it is a system call.
  void look_for_deaths() {
    if (!processes_ || Clock::now() < next_look_for_deaths_) return;
    for (const uint64_t key : epoll_.wait(std::chrono::nanoseconds(0))) handle(key);
    fill_vacancies();
    next_look_for_deaths_ = Clock::now() + kLookForDeaths;
  }

  void handle(uint64_t key) {
    if (key == kDone) return done_.clear();
    if (key == kReturned) return;  // stop_waiting() clears it.
    if (const auto death = processes_->bury(key - kFirstWorker)) on_death(*death);
  }

  // A worker that reads one sample for longer than it may: a process is killed, which is then a death like any other.
  // The time is counted from when we first saw it at this sample, which is at most kRescan too late.
  void look_for_stuck_workers() {
    const Timeout limit = limit_of(options_.sample_timeout());
    if (!limit) return;
    const auto now = Clock::now();
    watched_.resize(geometry_.workers, {0, now});  // Not since ever, of a worker that is about to read its first.
    for (uint32_t w = 0; w < geometry_.workers; ++w) {
      const Beacon& beacon = board_.beacon(w);
      const bool reading = beacon.phase.load(std::memory_order_acquire) == WorkerPhase::kReading;
      const uint64_t started = beacon.samples_started.load(std::memory_order_relaxed);
      Watched& watched = watched_[w];
      if (vacancies_.contains(w)) continue;
      if (!reading || started != watched.started) watched = {started, now};
      if (now - watched.since < *limit) continue;
      if (!processes_)
        throw LoaderTimeout("a worker thread is stuck for longer than sample_timeout and cannot be killed" +
                            what_workers_do());
      stuck_[processes_->incarnation(w)] = now - watched.since;
      watched.since = now;
      processes_->kill(w);
    }
  }

  static std::chrono::nanoseconds since(const Beacon& beacon) {
    const int64_t now = Clock::now().time_since_epoch().count();
    return std::chrono::nanoseconds(std::max<int64_t>(now - beacon.since_ns.load(std::memory_order_relaxed), 0));
  }

  // --- delivering ---

  // nullopt for a batch that has no samples: the end of a stream, or all of them were left out.
  std::optional<Delivery> deliver(size_t slot) {
    throw_if_failed(slot);
    auto delivery = kind_ == Source::Kind::kRows ? rows_of(slot) : packed_of(slot);
    cursor_.pass(in_flight_[slot].sequence, in_flight_.plan(slot), delivery.packed ? &*delivery.packed : nullptr);
    if (delivery.samples == 0) return std::nullopt;
    ++tally_.stats.batches;
    tally_.stats.samples += static_cast<uint64_t>(delivery.samples);
    return delivery;
  }

  Delivery begin_delivery(const Ledger::Slot& entry) const {
    Delivery delivery;
    delivery.spec = spec_;
    delivery.indices = entry.indices;
    delivery.epoch = entry.epoch;
    delivery.samples = std::ssize(entry.indices);
    return delivery;
  }

  Delivery rows_of(size_t slot) {
    close_gaps(slot);
    const auto& entry = in_flight_[slot];
    Delivery delivery = begin_delivery(entry);
    if (entry.indices.empty()) {
      in_flight_.release(slot);
      return delivery;
    }
    in_flight_.lend(slot);
    delivery.lease = std::make_shared<Lease>(arena_, slot);
    point_at_rows(delivery, slot);
    return delivery;
  }

  void point_at_rows(Delivery& delivery, size_t slot) const {
    delivery.layout = &layout_;
    delivery.slot = arena_->slot(slot);
    guard(delivery, slot);
  }

  void guard(Delivery& delivery, size_t slot) const {
    delivery.guarded = {gate_, slot};
    delivery.pinned = tally_.stats.pinned_bytes > 0;
  }

  // Rows whose sample was left out are overwritten by those behind them.
  void close_gaps(size_t slot) {
    const auto& indices = in_flight_[slot].indices;
    if (std::find(indices.begin(), indices.end(), kNoSample) == indices.end()) return;
    size_t kept = 0;
    for (size_t row = 0; row < indices.size(); ++row) {
      if (indices[row] == kNoSample) continue;
      for (size_t f = 0; f < layout_.field_count() && kept != row; ++f)
        std::memcpy(layout_.row(arena_->slot(slot), f, kept), layout_.row(arena_->slot(slot), f, row),
                    layout_.row_bytes(f));
      ++kept;
    }
    in_flight_.drop_gaps(slot);
  }

  Delivery packed_of(size_t slot) {
    in_flight_.drop_gaps(slot);
    const auto& entry = in_flight_[slot];
    Delivery delivery = begin_delivery(entry);
    if (entry.range_deaths.empty()) {  // A batch of no samples, which no worker has made anything of.
      in_flight_.release(slot);
      return delivery;
    }
    const auto body = layout_.body(arena_->slot(slot));
    try {
      const auto arrival = is_spilled(body) ? take_spill(slot) : nullptr;
      in_flight_.lend(slot);
      const auto lease = std::make_shared<Lease>(arena_, slot);
      if (arrival) {
        const auto bytes = arrival->bytes().subspan(sizeof(SpillPrefix));
        delivery.packed =
            read_packed({const_cast<std::byte*>(bytes.data()), bytes.size()}, arrival, device_memory(slot, lease));
        ++tally_.stats.spilled_batches;
      } else {
        delivery.packed = read_packed(body, lease, device_memory(slot, lease));
      }
      if (!arrival || device_arena_) guard(delivery, slot);
      if (arrival) delivery.pinned = false;
    } catch (const DecodeError& e) {
      throw_corrupted(slot, e.what());
    }
    if (kind_ == Source::Kind::kStreams) delivery.samples = delivery.packed->samples;
    if (const uint32_t skipped = delivery.packed->skipped) {
      tally_.note_error("a sample of stream " + std::to_string(in_flight_.plan(slot).stream.stream) + ": " +
                        printable_lines(delivery.packed->error));
      tally_.stats.skipped_samples += skipped;
      tally_.stats.sample_errors += skipped;
    }
    return delivery;
  }

  DeviceMemory device_memory(size_t slot, const std::shared_ptr<Lease>& lease) const {
    if (!device_arena_) return {};
    using Owners = std::pair<std::shared_ptr<cuda::DeviceArena>, std::shared_ptr<Lease>>;
    return {device_arena_->device(), device_arena_->slot(slot), device_arena_->slot_bytes(),
            std::make_shared<Owners>(device_arena_, lease)};
  }

  std::shared_ptr<Arrival> take_spill(size_t slot) {
    collect_spills();
    auto message = in_flight_.take_message(slot);
    if (!message) throw DecodeError("a batch that should have come by message did not");
    return std::make_shared<Arrival>(*std::move(message));
  }

  const FdSocket& spill_of(size_t worker) const {
    if (processes_) return processes_->spill(worker);
    return threads_ ? threads_->spill(worker) : inline_spill_.first;
  }

  void collect_spills() {
    for (size_t w = 0; w < geometry_.workers; ++w) collect_spills(w, spill_of(w));
  }

  // A worker sends one message for a batch that it claimed, at most: so, since it was last looked, one for each slot
  // that was open to it then and one for each time that a batch was opened since. One that sends more would keep us
  // here for ever. What is kept of it is one message a slot, in memory that the worker had to have itself.
  void collect_spills(size_t worker, const FdSocket& socket) {
    if (!socket) return;  // Of a worker that could not be replaced yet.
    const uint64_t most =
        in_flight_.size() + times_opened_ - std::exchange(opened_at_collection_[worker], times_opened_);
    for (uint64_t received = 0;; ++received) {
      Arrival arrival;
      try {
        if (socket.try_receive_into(arrival) != FdSocket::Received::kMessage) return;
      } catch (const DecodeError& e) {
        throw_foreign_message(worker, e.what());
      }
      if (received == most) throw_foreign_message(worker, "more batches than it was asked for");
      SpillPrefix prefix;
      if (arrival.bytes().size() < sizeof prefix) continue;
      std::memcpy(&prefix, arrival.bytes().data(), sizeof prefix);
      arrival.fds.clear();  // A batch has none.
      in_flight_.keep_message(prefix.slot, prefix.generation, std::move(arrival));
    }
  }

  // --- to the device ---

  void bring_to_device(size_t slot, Delivery& delivery) {
    const bool was_ahead = stage_->has(slot);
    stage_->deliver(slot, delivery);
    ++tally_.stats.device_copies;
    tally_.stats.copied_ahead += was_ahead;
    copy_ahead();
    settle();  // Now, while the current stream has nothing more to do than what the copies wait for anyway.
  }

  // Of the batches that come next, those that are complete.
  void copy_ahead() {
    auto next = in_flight_.open_in_order();
    if (!options_.in_order()) std::erase_if(next, [&](size_t slot) { return !complete(slot); });
    next.resize(std::min(next.size(), static_cast<size_t>(options_.device_prefetch())));
    for (const size_t slot : next) {
      if (stage_->has(slot)) continue;
      if (auto batch = preview(slot)) stage_->start(slot, std::move(*batch));
    }
  }

  // What delivering the slot would give, without its lease; nullopt where that is not simply what workers wrote into
  // it: when it is not complete, failed, is empty, has samples left out, or came by message.
  std::optional<Delivery> preview(size_t slot) const {
    const auto& entry = in_flight_[slot];
    if (in_flight_.plan(slot).error) return std::nullopt;
    for (size_t r = 0; r < entry.range_deaths.size(); ++r) {
      const RangeWord word = board_.range(slot, r);
      if (word.state != RangeState::kDone || word.generation != entry.generation) return std::nullopt;
    }
    if (std::find(entry.indices.begin(), entry.indices.end(), kNoSample) != entry.indices.end()) return std::nullopt;
    Delivery delivery = begin_delivery(entry);
    if (kind_ == Source::Kind::kRows) {
      point_at_rows(delivery, slot);
    } else {
      const auto body = layout_.body(arena_->slot(slot));
      if (is_spilled(body)) return std::nullopt;
      try {
        delivery.packed = read_packed(body, nullptr);
      } catch (const DecodeError&) {
        return std::nullopt;  // deliver() will say so.
      }
      if (kind_ == Source::Kind::kStreams) delivery.samples = delivery.packed->samples;
      guard(delivery, slot);
    }
    if (delivery.samples == 0) return std::nullopt;
    return delivery;
  }

  // --- errors ---

  // What went wrong in a range, and at which of its batch's rows; none when it is no sample's fault.
  struct Failure {
    std::optional<WorkerDied> death;
    std::optional<SampleError> error;
    std::optional<size_t> row;
  };

  std::optional<Failure> failure_of(size_t slot, size_t range) {
    const auto& entry = in_flight_[slot];
    const RangeWord word = board_.range(slot, range);
    if (word.generation == entry.generation && word.state == RangeState::kDone) return std::nullopt;
    if (word.generation != entry.generation || word.state != RangeState::kFailed)
      throw_corrupted(slot, "range " + std::to_string(range) + " is neither done nor failed");
    if (const auto* const given_up = in_flight_.given_up(slot, range)) {
      Failure failure{given_up->error, std::nullopt, std::nullopt};
      const size_t first = range * geometry_.range_samples;
      for (size_t row = first; row < std::min(first + geometry_.range_samples, entry.indices.size()); ++row)
        if (entry.indices[row] == given_up->sample) failure.row = row;
      return failure;
    }
    const RangeError error = board_.error(slot, range);
    Failure failure;
    failure.error.emplace(error.index, error.path.data(), worker_number(word.incarnation), error.type.data(),
                          error.message.data());
    if (error.index != kNoSample && error.sample < entry.indices.size() && entry.indices[error.sample] == error.index)
      failure.row = error.sample;
    return failure;
  }

  // Where errors are not raised: lets the ranges that failed be read again without, or with another sample in the place
  // of, the one that could not be read. False when there is nothing to mend, or no way to.
  bool mend(size_t slot) {
    if (in_flight_.plan(slot).error) return false;
    if (options_.on_error() == OnError::kRaise || kind_ == Source::Kind::kStreams) return false;
    require_as_told(slot);
    require_own_tickets(slot);
    bool mended = false;
    for (size_t r = 0; r < in_flight_[slot].range_deaths.size(); ++r) {
      const auto failure = failure_of(slot, r);
      if (!failure) continue;
      const auto& entry = in_flight_[slot];
      const auto row = failure->row;
      const auto verdict = judge(options_.on_error(), row, entry.indices,
                                 row ? std::span(in_flight_.tried(slot, *row)) : std::span<const int64_t>());
      if (verdict.kind == Verdict::Kind::kRaise) return false;
      tally_.note_error(failure->death ? failure->death->what() : failure->error->what());
      ++tally_.stats.sample_errors;
      const bool skip = verdict.kind == Verdict::Kind::kSkip;
      ++(skip ? tally_.stats.skipped_samples : tally_.stats.replaced_samples);
      in_flight_.put_instead(slot, r, *row, skip ? kNoSample : verdict.instead);
      write_tickets(slot);
      reopen(slot, r);
      mended = true;
    }
    return mended;
  }

  // The first range in batch order that went wrong decides, so that the error does not depend on who was faster.
  void throw_if_failed(size_t slot) {
    if (const auto error = in_flight_.plan(slot).error) {
      in_flight_.set_error(slot, nullptr);
      lose(slot);
      std::rethrow_exception(error);
    }
    require_as_told(slot);
    require_own_tickets(slot);
    for (size_t r = 0; r < in_flight_[slot].range_deaths.size(); ++r) {
      const auto failure = failure_of(slot, r);
      if (!failure) continue;
      ++tally_.stats.sample_errors;
      tally_.note_error(failure->death ? failure->death->what() : failure->error->what());
      lose(slot);
      if (failure->death) throw WorkerDied(*failure->death);
      throw SampleError(*failure->error);
    }
  }

  // The batch is behind us, and its slot is free.
  void lose(size_t slot) {
    cursor_.count_delivered();
    cursor_.pass(in_flight_[slot].sequence, in_flight_.plan(slot), nullptr);
    in_flight_.release(slot);
  }

  [[noreturn]] void throw_corrupted(size_t slot, const std::string& what) {
    throw_corrupted("slot " + std::to_string(slot) + ", " + what);
  }

  [[noreturn]] void throw_corrupted(const std::string& what) {
    corrupted_ = "the loader's shared memory was overwritten (" + what +
                 "): a dataset or library writes outside its memory in a worker";
    throw BoardCorrupted(*corrupted_);
  }

  [[noreturn]] void throw_foreign_message(size_t worker, const std::string& what) {
    corrupted_ = "worker " + std::to_string(worker) + " sent the loader what no worker of ours sends (" + what +
                 "): a dataset or library writes to descriptors that are not its own";
    throw BoardCorrupted(*corrupted_);
  }

  // What workers go by may have been overwritten by any of them, and then they are idle for ever, end as if they had
  // been told to, or leave rows out. Looked at whenever a wait takes long, at deaths, and of each batch that is given.
  void require_sound_board() {
    require_not_stopped();
    for (size_t slot = 0; slot < in_flight_.size(); ++slot) {
      if (is_on_board(slot)) require_as_told(slot);
      for (size_t r = 0; r < geometry_.ranges; ++r)
        if (!may_be(slot, r, board_.range(slot, r)))
          throw_corrupted(slot, "range " + std::to_string(r) + " is held by nobody");
    }
    for (size_t w = 0; processes_ && w < processes_->size(); ++w)
      if (board_.beacon(w).incarnation.load(std::memory_order_relaxed) != processes_->incarnation(w))
        throw_corrupted("the notes of worker " + std::to_string(w));
  }

  bool is_on_board(size_t slot) const {
    const auto state = in_flight_[slot].state;
    return (state == SlotState::kOpen || state == SlotState::kDraining) && !in_flight_.plan(slot).error;
  }

  void require_not_stopped() {
    if (board_.stopping()) throw_corrupted("the word that tells workers to end");
  }

  void require_as_told(size_t slot) {
    if (board_.opening(slot) != openings_[slot]) throw_corrupted(slot, "what workers are told of it");
  }

  void require_own_tickets(size_t slot) {
    const auto tickets = layout_.tickets(arena_->slot(slot));
    for (size_t i = 0; i < in_flight_[slot].indices.size(); ++i)
      if (tickets[i] != ticket_of(slot, i)) throw_corrupted(slot, "index or seed of its sample " + std::to_string(i));
  }

  // Words that are waited for must have somebody who will change them.
  bool may_be(size_t slot, size_t range, const RangeWord& word) const {
    if (!word.pending()) return true;  // When the batch is complete, failure_of() says whether it is as it should be.
    if (!is_on_board(slot) || range >= in_flight_[slot].range_deaths.size()) return false;
    if (word.generation != in_flight_[slot].generation) return false;
    return word.state == RangeState::kOpen ? word.open() : is_known(word.incarnation);
  }

  bool is_known(uint32_t incarnation) const {
    if (!processes_) return incarnation <= geometry_.workers;
    const auto is_its = [&](const Estate& estate) { return estate.death.incarnation == incarnation; };
    return processes_->find(incarnation) || std::any_of(estates_.begin(), estates_.end(), is_its);
  }

  int worker_number(uint32_t incarnation) const {
    if (incarnation == 0) return -1;
    if (!processes_) return static_cast<int>(incarnation) - 1;
    const auto worker = processes_->find(incarnation);
    return worker ? static_cast<int>(*worker) : static_cast<int>((incarnation - 1) % processes_->size());
  }

  // --- slots coming home ---

  void settle() {
    settle_estates();
    returned_.clear();
    arena_->take_returned(returned_);
    for (const size_t slot : returned_) retire(slot);
    for (size_t slot = 0; slot < in_flight_.size(); ++slot)
      if (in_flight_[slot].state == SlotState::kDraining && complete(slot)) retire(slot);
    for (size_t slot = 0; gate_ && slot < in_flight_.size(); ++slot)
      if (in_flight_[slot].state == SlotState::kSettling && gate_->passed(slot)) in_flight_.release(slot);
  }

  void retire(size_t slot) {
    if (!gate_) return in_flight_.release(slot);
    in_flight_.settle(slot);
    gate_->close(slot);
  }

  // Nothing is open, so nothing will be completed: a slot must come home, from the user, from a worker that still
  // writes or from a device that still reads.
  void require_slot_comes_home(Clock::time_point start) {
    if (in_flight_.count(SlotState::kDraining) > 0 || in_flight_.count(SlotState::kFree) > 0) return;
    if (Clock::now() - start < kHeldGrace) return;
    if (in_flight_.count(SlotState::kSettling) > 0) return require_no_capture();
    auto oldest = Clock::now();
    for (size_t slot = 0; slot < in_flight_.size(); ++slot) oldest = std::min(oldest, in_flight_[slot].lent_since);
    throw TooManyBatchesHeld(
        "all " + std::to_string(in_flight_.size()) +
        " slots of the loader hold batches that you keep, the oldest for " + seconds_text(Clock::now() - oldest) +
        ": drop batches, clone() the tensors you want to keep, or raise DataLoaderOptions::held (now " +
        std::to_string(options_.held()) + ")");
  }

  // In this thread the capture would never end.
  void require_no_capture() {
    if (gate_->waits_for_capture())
      throw std::logic_error(
          "the loader has no slot left while a CUDA graph is captured: batches that were dropped since it began are "
          "kept "
          "until it ends, since it may read them. Take what the graph needs before the capture");
  }

  // --- death ---

  // What a dead worker left: what it was at, and until when the device may write into what it held.
  struct Estate {
    ProcessCrew::Death death;
    WorkerPhase phase;
    int64_t sample;
    Clock::time_point writable_until;
  };

  void on_death(const ProcessCrew::Death& death) {
    ++tally_.stats.worker_deaths;
    require_not_stopped();  // Else the next ones would end as soon.
    const std::string who = "worker " + std::to_string(death.worker) + " (pid " + std::to_string(death.pid) + ") ";
    if (!death.start_error.empty()) give_up(who + "could not build its dataset: " + printable_lines(death.start_error));
    int64_t& early = deaths_before_ready_[death.worker];
    early = death.was_ready ? 0 : early + 1;
    if (early > options_.retries())
      give_up(who + death.status.str() + " before it had built its dataset, " + std::to_string(early) +
              " times in a row");
    // Each range that is open may cost so many workers; when more die, they die of something else.
    const int64_t most = (options_.retries() + 1) * geometry_.ranges * geometry_.slots;
    if (++deaths_without_batch_ > most)
      give_up(who + death.status.str() + "; " + std::to_string(most) +
              " workers before it died without a batch completed");
    const FdSocket spill = processes_->take_spill(death.worker);
    const Beacon& beacon = board_.beacon(death.worker);
    estates_.push_back({death, beacon.phase.load(std::memory_order_acquire),
                        beacon.sample.load(std::memory_order_relaxed),
                        device_arena_ ? Clock::now() + cuda::kDeadWorkGrace : Clock::time_point{}});
    settle_estates();
    vacancies_[death.worker] = who + death.status.str();
    fill_vacancies();
    collect_spills(death.worker, spill);  // Last, since it may be garbage, and then nobody would be in its place.
  }

  // While the fork server is stopped the other workers do the work, and places stay empty until it goes on.
  void fill_vacancies() {
    while (!vacancies_.empty()) {
      const auto [worker, why] = *vacancies_.begin();
      try {
        processes_->replace(worker);
      } catch (const ForkServerStopped& e) {
        server_stopped_ = e.what();
        return;
      } catch (const std::exception& e) {
        give_up(why + " and could not be replaced: " + e.what());
      }
      vacancies_.erase(worker);
    }
  }

  // Not for ever: what is waited for may be what only the worker that is missing could make.
  void require_workers(Clock::time_point start) {
    if (vacancies_.empty() || Clock::now() - start < kVacantLimit) return;
    give_up(vacancies_.begin()->second + " and could not be replaced within " + seconds_text(kVacantLimit) + ": " +
            server_stopped_);
  }

  // From here on the loader is of no use: without its worker an epoch would never end.
  [[noreturn]] void give_up(const std::string& reason) {
    fatal_ = reason;
    throw WorkerStartError(reason);
  }

  // The ranges that dead workers held, as soon as nothing of theirs can be written any more.
  void settle_estates() {
    std::erase_if(estates_, [&](const Estate& estate) {
      if (estate.writable_until > Clock::now()) return false;
      for (size_t slot = 0; slot < in_flight_.size(); ++slot) {
        if (in_flight_[slot].state != SlotState::kOpen && in_flight_[slot].state != SlotState::kDraining) continue;
        for (size_t r = 0; r < in_flight_[slot].range_deaths.size(); ++r) {
          const RangeWord word = board_.range(slot, r);
          if (word.state == RangeState::kClaimed && word.incarnation == estate.death.incarnation)
            inherit(estate, slot, r);
        }
      }
      stuck_.erase(estate.death.incarnation);
      return true;
    });
  }

  // Decides what becomes of a range whose claimer died.
  void inherit(const Estate& estate, size_t slot, size_t range) {
    const auto& [death, phase, sample, writable_until] = estate;
    const auto& entry = in_flight_[slot];
    if (entry.state == SlotState::kDraining) return board_.set(slot, range, {entry.generation, RangeState::kClosed, 0});
    const int64_t deaths = in_flight_.count_death(slot, range);
    if (deaths <= options_.retries()) {
      if (kind_ == Source::Kind::kStreams) write_tickets(slot);  // The dead worker may have overwritten the request.
      return reopen(slot, range);
    }
    std::string doing = "reading " + sample_text(entry, sample);
    if (sample == kNoSample) doing = "making a batch";
    if (phase == WorkerPhase::kInit) doing = "running worker_init_fn";
    const auto stuck = stuck_.find(death.incarnation);
    if (stuck != stuck_.end()) doing += ", where it was stuck for " + seconds_text(stuck->second);
    in_flight_.give_up(
        slot, range,
        GivenUp{WorkerDied("worker " + std::to_string(death.worker) + " (pid " + std::to_string(death.pid) + ") " +
                               death.status.str() + " while " + doing + "; " + std::to_string(deaths) +
                               " workers died there, so " +
                               (options_.on_error() == OnError::kRaise ? "its batch" : "that sample") + " is given up",
                           death.pid, death.status, doing),
                sample});
    board_.set(slot, range, {entry.generation, RangeState::kFailed, death.incarnation});
  }

  std::string sample_text(const Ledger::Slot& entry, int64_t sample) const {
    if (kind_ != Source::Kind::kStreams) return "sample " + std::to_string(sample) + name_of(sample);
    const auto slot = in_flight_.find_open(entry.sequence);
    return "sample " + std::to_string(sample) + " of stream " +
           (slot ? std::to_string(in_flight_.plan(*slot).stream.stream) : std::string("?"));
  }

  // " (path)", or nothing. The sample's number came from shared memory.
  std::string name_of(int64_t sample) const {
    if (sample < 0 || static_cast<size_t>(sample) >= source_->size()) return {};
    const std::string name = source_->describe(static_cast<size_t>(sample));
    return name.empty() ? name : " (" + printable(name) + ")";
  }

  std::string what_workers_do() const {
    std::string text;
    for (size_t w = 0; w < geometry_.workers; ++w) {
      const Beacon& beacon = board_.beacon(w);
      const auto phase = beacon.phase.load(std::memory_order_acquire);
      const int64_t sample = beacon.sample.load(std::memory_order_relaxed);
      text += (w == 0 ? ": worker " : ", worker ") + std::to_string(w);
      if (processes_) text += " (pid " + std::to_string(processes_->pid(w)) + ")";
      if (vacancies_.contains(w))
        text += " is dead and cannot be replaced: " + server_stopped_;
      else if (phase == WorkerPhase::kStarting)
        text += " builds its dataset";
      else if (phase == WorkerPhase::kIdle)
        text += " is idle for " + seconds_text(since(beacon));
      else if (phase == WorkerPhase::kInit)
        text += " runs worker_init_fn for " + seconds_text(since(beacon));
      else if (sample == kNoSample)
        text += " makes a batch for " + seconds_text(since(beacon));
      else
        text += " reads sample " + std::to_string(sample) + name_of(sample) + ", in this range for " +
                seconds_text(since(beacon));
    }
    return text;
  }

  // Constant after construction.
  DataLoaderOptions options_;
  pid_t owner_;
  Source::Kind kind_;
  Cursor cursor_;
  std::unique_ptr<Source> source_;
  std::optional<TravellingDataset> travelling_;
  std::shared_ptr<const SampleSpec> spec_;
  SlotLayout layout_;
  int64_t ahead_;  // Batches open at a time.

  // Shared with the workers.
  std::shared_ptr<Arena> arena_;
  std::shared_ptr<cuda::DeviceArena> device_arena_;  // As many slots; none unless workers make CUDA tensors.
  std::shared_ptr<SlotGate> gate_;                   // Where devices read it.
  Board::Geometry geometry_;
  SharedSegment board_segment_;
  MappedSegment board_memory_;
  Board board_;
  EventFd done_;

  // The trainer's private knowledge.
  InFlight in_flight_;
  EpochSeeds seeds_;
  std::vector<Board::Opening> openings_;  // What workers were told of it.
  Epoll epoll_;
  struct Watched {
    uint64_t started = 0;  // Samples, when
    Clock::time_point since = {};
  };
  std::vector<Watched> watched_;                        // By worker.
  std::map<uint32_t, std::chrono::nanoseconds> stuck_;  // Workers we killed, by incarnation.
  std::vector<Estate> estates_;
  uint64_t times_opened_ = 0;                   // Batches, or ranges of them, on the board.
  std::vector<uint64_t> opened_at_collection_;  // The same when a worker's were collected last.
  std::pair<FdSocket, FdSocket> inline_spill_;  // Ours and the inline worker's, when there is one.
  std::optional<std::string> fatal_;            // Why no worker can be had,
  std::optional<std::string> corrupted_;        // or why the board cannot be believed.
  std::map<size_t, std::string> vacancies_;     // Workers that could not be replaced yet, and how they ended.
  std::string server_stopped_;                  // Why not.
  int64_t deaths_without_batch_ = 0;
  std::vector<int64_t> deaths_before_ready_;  // In a row, by worker.
  Tally tally_;
  std::optional<DeviceStage> stage_;  // Of loaders with device() whose workers make CPU tensors.
  Clock::time_point next_look_for_deaths_;
  Clock::time_point next_look_at_board_;  // While it is waited.
  BatchPlan plan_;                        // Scratch, as the two below.
  std::vector<int64_t> indices_;
  std::vector<size_t> returned_;

  // Destroyed first: they use what is above.
  std::optional<Worker> inline_worker_;
  std::unique_ptr<ThreadCrew> threads_;
  std::unique_ptr<ProcessCrew> processes_;
};

DataLoaderBase::DataLoaderBase(Parts parts, const DataLoaderOptions& options)
    : engine_(std::make_unique<Engine>(std::move(parts), options)) {}
DataLoaderBase::~DataLoaderBase() = default;

DataLoaderBase::Engine& DataLoaderBase::own_engine() const {
  engine_->require_owner();
  return *engine_;
}

std::optional<Delivery> DataLoaderBase::next_delivery() { return own_engine().next(); }
void DataLoaderBase::leave_unfinished_epoch() { own_engine().leave_unfinished_epoch(); }
void DataLoaderBase::refuse_contents(const DecodeError& error) { engine_->refuse_contents(error); }
int64_t DataLoaderBase::size() const { return engine_->size(); }
int64_t DataLoaderBase::epoch() const { return engine_->epoch(); }
void DataLoaderBase::set_epoch(int64_t epoch) { own_engine().set_epoch(epoch); }
LoaderState DataLoaderBase::state_dict() const { return own_engine().state(); }
void DataLoaderBase::load_state_dict(const LoaderState& state) { own_engine().load_state(state); }
void DataLoaderBase::wait_ready() { own_engine().wait_ready(); }
LoaderStats DataLoaderBase::stats() const { return engine_->stats(); }
cuda::api::Stream DataLoaderBase::copy_stream(int device) { return own_engine().copy_stream(device); }
const DataLoaderOptions& DataLoaderBase::options() const { return engine_->options(); }
const SampleSpec& DataLoaderBase::spec() const { return engine_->spec(); }
std::vector<pid_t> DataLoaderBase::worker_pids() const { return engine_->worker_pids(); }

}  // namespace millrace
