#include "millrace/loader/data_loader.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>

#include "millrace/loader/board.h"
#include "millrace/loader/ledger.h"
#include "millrace/loader/seeds.h"
#include "millrace/loader/worker.h"
#include "millrace/loader/worker_crew.h"
#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/sharing/memory/arena.h"
#include "millrace/sharing/memory/slot_layout.h"
#include "millrace/sharing/os/epoll.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/look.h"

namespace millrace {
namespace {

using Clock = std::chrono::steady_clock;

// What wakes the trainer; workers are kFirstWorker + number.
enum WakeKey : uint64_t { kDone, kReturned, kFirstWorker };

constexpr auto kRescan =
    std::chrono::milliseconds(100);  // Bounds the harm of a wake-up that a hostile worker swallows.
constexpr auto kLookForDeaths = std::chrono::milliseconds(10);
constexpr auto kHeldGrace = std::chrono::seconds(2);  // For another thread of the user's to drop a batch.
constexpr int64_t kMaxSlots = 4096;

void require(bool good, const std::string& complaint) {
  if (!good) throw std::invalid_argument("DataLoaderOptions: " + complaint);
}

DataLoaderOptions checked(DataLoaderOptions options) {
  const auto text = [](const char* name, int64_t value) { return std::string(name) + " is " + std::to_string(value); };
  require(options.batch_size() > 0, text("batch_size", options.batch_size()) + ", it must be positive");
  require(options.num_workers() >= 0, text("num_workers", options.num_workers()) + ", it cannot be negative");
  require(options.prefetch() >= 0, text("prefetch", options.prefetch()) + ", it cannot be negative");
  require(options.held() > 0, text("held", options.held()) + ", it must be positive");
  require(options.prefetch() + options.held() < kMaxSlots,
          "prefetch + held must stay below " + std::to_string(kMaxSlots));
  require(options.retries() >= 0, text("retries", options.retries()) + ", it cannot be negative");
  require(options.timeout().count() >= 0, text("timeout", options.timeout().count()) + " ms, it cannot be negative");
  return options;
}

AnySampler default_order(const DataLoaderOptions& options, size_t samples) {
  const auto n = static_cast<int64_t>(samples);
  // PyTorch's RandomSampler refuses to be empty; an empty dataset has one order only.
  if (options.shuffle() && n > 0) return RandomSampler(n, {.seed = options.seed()});
  return SequentialSampler(n);
}

// How many slots there are: a line for each place a batch can be in. With every place full there is still no slot
// missing, so opening never has to wait for anything but the user.
size_t slots_needed(const DataLoaderOptions& options) {
  return static_cast<size_t>(
      std::max<int64_t>(options.prefetch(), 1)  // being filled, or complete and waiting their turn
      + options.held());                        // in the user's hands
}

// A batch is filled by all workers at once, in two ranges each, so that a slow one costs the others little.
Board::Geometry geometry_of(const DataLoaderOptions& options) {
  const auto batch = static_cast<uint32_t>(options.batch_size());
  const auto workers = static_cast<uint32_t>(std::max<int64_t>(options.num_workers(), 1));
  const uint32_t range_samples = std::max(batch / (2 * workers), 1U);
  return {static_cast<uint32_t>(slots_needed(options)), (batch + range_samples - 1) / range_samples, range_samples,
          workers};
}

std::string seconds_text(Clock::duration duration) {
  const auto tenths = std::chrono::duration_cast<std::chrono::milliseconds>(duration).count() / 100;
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) + " s";
}

}  // namespace

// The journey of a batch, from the trainer's side: open_ahead() asks the sampler for indices and opens a slot; workers
// fill it; find_complete() sees it; deliver() lends it; the lease brings it home and settle() makes it free.
class DataLoader::Engine {
 public:
  Engine(Parts parts, const DataLoaderOptions& options)
      : options_(checked(options)),
        owner_(::getpid()),
        source_(std::move(parts.source)),
        travelling_(std::move(parts.travelling)),
        sampler_(parts.sampler ? std::move(*parts.sampler) : default_order(options_, source_->size()),
                 options_.batch_size(), options_.drop_last()),
        spec_(std::make_shared<const SampleSpec>(source_->size() > 0 ? source_->spec() : SampleSpec{})),
        layout_(layout_of(*spec_, static_cast<size_t>(options_.batch_size()))),
        arena_(std::make_shared<Arena>(slots_needed(options_), layout_.slot_bytes(),
                                       "use a smaller batch_size, prefetch or held")),
        board_segment_(SharedSegment::create("board", Board::bytes(geometry_of(options_)), "use fewer workers")),
        board_memory_(board_segment_, Access::kReadWrite),
        board_(board_memory_.data(), geometry_of(options_)),
        ledger_(slots_needed(options_)) {
    if (options_.shuffle() && parts.sampler)
      throw std::invalid_argument("DataLoaderOptions: shuffle is for loaders without a sampler of their own; drop one");
    epoll_.add(done_.fd(), kDone);
    epoll_.add(arena_->returned().fd(), kReturned);
    start_workers();
  }

  ~Engine() {
    if (owner_ == ::getpid()) return;
    // In a child that the user forked, the workers are the parent's.
    static_cast<void>(processes_.release());
    static_cast<void>(threads_.release());
  }

  std::optional<Batch> next() {
    if (fatal_) throw WorkerStartError(*fatal_);
    if (corrupted_) throw BoardCorrupted(*corrupted_);
    settle();
    look_for_deaths();
    if (delivered_ == sampler_.size()) {
      ++epoch_;
      delivered_ = 0;
      return std::nullopt;
    }
    open_ahead(std::max<int64_t>(options_.prefetch(), 1));
    const size_t slot = wait_for_complete();
    ++delivered_;
    deaths_without_batch_ = 0;
    next_in_order_ = ledger_[slot].sequence + 1;
    Batch batch = deliver(slot);
    open_ahead(options_.prefetch());
    return batch;
  }

  void set_epoch(int64_t epoch) {
    if (epoch < 0) throw std::invalid_argument("epoch " + std::to_string(epoch) + " cannot be negative");
    if (epoch == epoch_ && delivered_ == 0) return;
    for (size_t slot = 0; slot < ledger_.size(); ++slot) {
      if (ledger_[slot].state != SlotState::kOpen) continue;
      board_.close_unclaimed(slot, ledger_[slot].generation);
      ledger_.cancel(slot);
    }
    given_up_.clear();
    epoch_ = opening_epoch_ = epoch;
    delivered_ = opened_in_epoch_ = 0;
    next_in_order_ = next_sequence_;
    sampler_.set_epoch(epoch);
  }

  void leave_unfinished_epoch() {
    if (delivered_ > 0 && delivered_ < sampler_.size()) set_epoch(epoch_ + 1);
  }

  void wait_ready() {
    while (processes_ && !processes_->all_ready()) {
      board_.start_waiting(std::nullopt);
      for (const uint64_t key : epoll_.wait(kRescan)) handle(key);
      board_.stop_waiting();
    }
  }

  int64_t size() const { return sampler_.size(); }
  int64_t epoch() const { return epoch_; }
  const LoaderStats& stats() const { return stats_; }
  const SampleSpec& spec() const { return *spec_; }

  std::vector<pid_t> worker_pids() const {
    std::vector<pid_t> pids;
    for (size_t w = 0; processes_ && w < processes_->size(); ++w) pids.push_back(processes_->pid(w));
    return pids;
  }

 private:
  void start_workers() {
    const auto workers = static_cast<size_t>(options_.num_workers());
    const Worker::Place place{board_, arena_->slot(0), layout_, *spec_, done_};
    if (workers == 0) {
      inline_worker_.emplace(place, *source_, -1, 0);
    } else if (options_.worker_mode() == WorkerMode::kThread) {
      threads_ = std::make_unique<ThreadCrew>(place, *source_, workers);
    } else {
      if (options_.start_method() != StartMethod::kFork && !travelling_)
        throw std::invalid_argument(
            std::string("this dataset cannot travel to ") + to_string(options_.start_method()) +
            " workers. Three cures: give it a default constructor and a serialize member that covers its fields; pass "
            "recipe(function, arguments...) instead of the object, so that each worker builds its own; or use what "
            "inherits live objects, start_method(StartMethod::kFork) or worker_mode(WorkerMode::kThread)");
      processes_ = std::make_unique<ProcessCrew>(
          ProcessCrew::Plan{options_.start_method(), board_, board_segment_, *arena_, layout_, *spec_, done_,
                            travelling_ ? &*travelling_ : nullptr, source_.get()},
          workers, epoll_, kFirstWorker);
      deaths_before_ready_.assign(workers, 0);
    }
  }

  // --- opening ---

  // Opens batches until `wanted` are open. They go on into the next epoch, so that its first batch does not come late.
  void open_ahead(int64_t wanted) {
    for (auto open = static_cast<int64_t>(ledger_.count(SlotState::kOpen)); open < wanted; ++open)
      if (!open_one()) return;
  }

  bool open_one() {
    if (ledger_.count(SlotState::kFree) == 0) return false;
    if (!sampler_.next(indices_)) {
      if (opened_in_epoch_ == 0) return false;  // An epoch of no batches.
      ++opening_epoch_;
      opened_in_epoch_ = 0;
      sampler_.set_epoch(opening_epoch_);
      if (!sampler_.next(indices_)) return false;
    }
    const size_t samples = indices_.size();
    const auto slot = ledger_.open(next_sequence_, opening_epoch_, board_.range_count(samples), indices_);
    write_tickets(*slot, opened_in_epoch_ * options_.batch_size());
    board_.open(*slot, ledger_[*slot].generation, next_sequence_, static_cast<uint32_t>(samples));
    ++next_sequence_;
    ++opened_in_epoch_;
    return true;
  }

  void write_tickets(size_t slot, int64_t first_position) {
    const auto tickets = layout_.tickets(arena_->slot(slot));
    const auto& indices = ledger_[slot].indices;
    const auto samples = static_cast<int64_t>(source_->size());
    for (size_t i = 0; i < indices.size(); ++i) {
      if (indices[i] < 0 || indices[i] >= samples)
        throw std::out_of_range("the sampler gave index " + std::to_string(indices[i]) + " for a dataset of " +
                                std::to_string(samples) + " samples");
      tickets[i] = {indices[i], sample_seed(options_.seed(), opening_epoch_, first_position + static_cast<int64_t>(i))};
    }
  }

  // --- completing ---

  bool complete(size_t slot) const {
    for (size_t r = 0; r < ledger_[slot].range_deaths.size(); ++r)
      if (board_.range(slot, r).pending()) return false;
    return true;
  }

  std::optional<size_t> find_complete() const {
    if (options_.in_order()) {
      const auto slot = ledger_.find_open(next_in_order_);
      return slot && complete(*slot) ? slot : std::nullopt;
    }
    std::optional<size_t> oldest;
    for (size_t slot = 0; slot < ledger_.size(); ++slot) {
      const auto& entry = ledger_[slot];
      if (entry.state != SlotState::kOpen || entry.epoch != epoch_ || !complete(slot)) continue;
      if (!oldest || entry.sequence < ledger_[*oldest].sequence) oldest = slot;
    }
    return oldest;
  }

  size_t wait_for_complete() {
    if (const auto slot = find_complete()) return *slot;
    const auto start = Clock::now();
    // Whatever ends the wait, an error too, it was time in which the trainer had no data.
    struct Stopwatch {
      Clock::time_point start;
      double& seconds;
      ~Stopwatch() { seconds += std::chrono::duration<double>(Clock::now() - start).count(); }
    } stopwatch{start, stats_.wait_seconds};

    if (inline_worker_) return complete_inline();
    std::optional<size_t> slot;
    if (look_for_a_while([&] { return (slot = find_complete()).has_value(); })) return *slot;
    for (;;) {
      if (ledger_.count(SlotState::kOpen) == 0) require_slot_comes_home(start);
      sleep(start);
      settle();
      open_ahead(std::max<int64_t>(options_.prefetch(), 1));
      if ((slot = find_complete())) return *slot;
      if (options_.timeout().count() > 0 && Clock::now() - start >= options_.timeout()) throw_timeout();
    }
  }

  size_t complete_inline() {
    const auto start = Clock::now();
    for (;;) {
      if (const auto slot = find_complete()) return *slot;
      if (inline_worker_->fill_one()) continue;
      require_slot_comes_home(start);
      sleep(start);
      settle();
      open_ahead(std::max<int64_t>(options_.prefetch(), 1));
    }
  }

  // Sleeps until a worker completes what we wait for, a slot comes home or a worker dies; and deals with the latter.
  void sleep(Clock::time_point start) {
    std::optional<uint64_t> sequence;
    if (options_.in_order() && ledger_.find_open(next_in_order_)) sequence = next_in_order_;
    board_.start_waiting(sequence);
    const bool starved = ledger_.count(SlotState::kOpen) == 0;  // Only a slot that comes home helps then.
    if (starved) arena_->start_waiting();
    std::chrono::nanoseconds limit = kRescan;
    if (options_.timeout().count() > 0)
      limit = std::clamp<std::chrono::nanoseconds>(start + options_.timeout() - Clock::now(), {}, kRescan);
    if (find_complete()) limit = {};  // Completed between our last look and start_waiting().
    for (const uint64_t key : epoll_.wait(limit)) handle(key);
    board_.stop_waiting();
    if (starved) arena_->stop_waiting();
  }

  // A trainer that never has to wait would never learn of a death. Looked at rarely, since it is a system call.
  void look_for_deaths() {
    if (!processes_ || Clock::now() < next_look_for_deaths_) return;
    for (const uint64_t key : epoll_.wait(std::chrono::nanoseconds(0))) handle(key);
    next_look_for_deaths_ = Clock::now() + kLookForDeaths;
  }

  void handle(uint64_t key) {
    if (key == kDone) return done_.clear();
    if (key == kReturned) return;  // stop_waiting() clears it.
    if (const auto death = processes_->bury(key - kFirstWorker)) on_death(*death);
  }

  // --- delivering ---

  Batch deliver(size_t slot) {
    throw_if_failed(slot);
    ledger_.lend(slot);
    const auto& entry = ledger_[slot];
    ++stats_.batches;
    stats_.samples += entry.indices.size();
    return {spec_, layout_, arena_->slot(slot), std::make_shared<Lease>(arena_, slot), entry.indices, entry.epoch};
  }

  // The first range in batch order that went wrong decides, so that the error does not depend on who was faster.
  void throw_if_failed(size_t slot) {
    const auto& entry = ledger_[slot];
    for (size_t r = 0; r < entry.range_deaths.size(); ++r) {
      const RangeWord word = board_.range(slot, r);
      if (word.state == RangeState::kDone && word.generation == entry.generation) continue;
      if (word.state == RangeState::kFailed && word.generation == entry.generation) fail_batch(slot, r, word);
      corrupted_ = "the loader's shared memory was overwritten (slot " + std::to_string(slot) + ", range " +
                   std::to_string(r) + "): a dataset or library writes outside its memory in a worker";
      throw BoardCorrupted(*corrupted_);
    }
  }

  [[noreturn]] void fail_batch(size_t slot, size_t range, RangeWord word) {
    const auto given_up = std::find_if(given_up_.begin(), given_up_.end(), [&](const GivenUp& g) {
      return g.sequence == ledger_[slot].sequence && g.range == range;
    });
    if (given_up != given_up_.end()) {
      const WorkerDied error = given_up->error;
      given_up_.erase(given_up);
      ledger_.release(slot);
      throw error;
    }
    const RangeError error = board_.error(slot, range);
    const size_t sample = std::min<size_t>(error.sample, ledger_[slot].indices.size() - 1);
    const int64_t index = ledger_[slot].indices[sample];
    const int worker = worker_number(word.incarnation);
    ++stats_.sample_errors;
    ledger_.release(slot);
    throw SampleError(index, error.path.data(), worker, error.type.data(), error.message.data());
  }

  int worker_number(uint32_t incarnation) const {
    if (incarnation == 0) return -1;
    if (!processes_) return static_cast<int>(incarnation) - 1;
    const auto worker = processes_->find(incarnation);
    return worker ? static_cast<int>(*worker) : static_cast<int>((incarnation - 1) % processes_->size());
  }

  // --- slots coming home ---

  void settle() {
    returned_.clear();
    arena_->take_returned(returned_);
    for (const size_t slot : returned_) ledger_.release(slot);
    for (size_t slot = 0; slot < ledger_.size(); ++slot)
      if (ledger_[slot].state == SlotState::kDraining && complete(slot)) ledger_.release(slot);
  }

  // Nothing is open, so nothing will be completed: a slot must come home, from the user or from a worker that still
  // writes.
  void require_slot_comes_home(Clock::time_point start) {
    if (ledger_.count(SlotState::kDraining) > 0 || ledger_.count(SlotState::kFree) > 0) return;
    if (Clock::now() - start < kHeldGrace) return;
    auto oldest = Clock::now();
    for (size_t slot = 0; slot < ledger_.size(); ++slot) oldest = std::min(oldest, ledger_[slot].lent_since);
    throw TooManyBatchesHeld(
        "all " + std::to_string(ledger_.size()) + " slots of the loader hold batches that you keep, the oldest for " +
        seconds_text(Clock::now() - oldest) +
        ": drop batches, clone() the tensors you want to keep, or raise DataLoaderOptions::held (now " +
        std::to_string(options_.held()) + ")");
  }

  // --- death ---

  void on_death(const ProcessCrew::Death& death) {
    ++stats_.worker_deaths;
    const std::string who = "worker " + std::to_string(death.worker) + " (pid " + std::to_string(death.pid) + ") ";
    if (!death.start_error.empty()) give_up(who + "could not build its dataset: " + death.start_error);
    int64_t& early = deaths_before_ready_[death.worker];
    early = death.was_ready ? 0 : early + 1;
    if (early > options_.retries())
      give_up(who + death.status.str() + " before it had built its dataset, " + std::to_string(early) +
              " times in a row");
    // Each range that is open may cost so many workers; when more die, they die of something else.
    const auto& geometry = board_.geometry();
    const int64_t most = (options_.retries() + 1) * geometry.ranges * geometry.slots;
    if (++deaths_without_batch_ > most)
      give_up(who + death.status.str() + "; " + std::to_string(most) +
              " workers before it died without a batch completed");
    const int64_t sample = board_.beacon(death.worker).sample.load(std::memory_order_relaxed);
    for (size_t slot = 0; slot < ledger_.size(); ++slot) {
      if (ledger_[slot].state != SlotState::kOpen && ledger_[slot].state != SlotState::kDraining) continue;
      for (size_t r = 0; r < ledger_[slot].range_deaths.size(); ++r) {
        const RangeWord word = board_.range(slot, r);
        if (word.state == RangeState::kClaimed && word.incarnation == death.incarnation)
          inherit(death, slot, r, sample);
      }
    }
    try {
      processes_->replace(death.worker);
    } catch (const std::exception& e) {
      give_up(who + death.status.str() + " and could not be replaced: " + e.what());
    }
  }

  // From here on the loader is of no use: without its worker an epoch would never end.
  [[noreturn]] void give_up(const std::string& reason) {
    fatal_ = reason;
    throw WorkerStartError(reason);
  }

  // Decides what becomes of a range whose claimer died.
  void inherit(const ProcessCrew::Death& death, size_t slot, size_t range, int64_t sample) {
    const auto& entry = ledger_[slot];
    if (entry.state == SlotState::kDraining) return board_.set(slot, range, {entry.generation, RangeState::kClosed, 0});
    const int64_t deaths = ledger_.count_death(slot, range);
    if (deaths <= options_.retries()) return board_.reopen(slot, range, entry.generation);
    const std::string doing = "reading sample " + std::to_string(sample) + name_of(sample);
    given_up_.push_back({entry.sequence, range,
                         WorkerDied("worker " + std::to_string(death.worker) + " (pid " + std::to_string(death.pid) +
                                        ") " + death.status.str() + " while " + doing + "; " + std::to_string(deaths) +
                                        " workers died there, so its batch is given up",
                                    death.pid, death.status, doing)});
    board_.set(slot, range, {entry.generation, RangeState::kFailed, death.incarnation});
  }

  // " (path)", or nothing. The sample's number came from shared memory.
  std::string name_of(int64_t sample) const {
    if (sample < 0 || static_cast<size_t>(sample) >= source_->size()) return {};
    const std::string name = source_->describe(static_cast<size_t>(sample));
    return name.empty() ? name : " (" + name + ")";
  }

  [[noreturn]] void throw_timeout() const {
    std::string text = "no batch within " + std::to_string(options_.timeout().count()) + " ms";
    const int64_t now = Clock::now().time_since_epoch().count();
    for (size_t w = 0; w < board_.geometry().workers; ++w) {
      const Beacon& beacon = board_.beacon(w);
      const auto phase = beacon.phase.load(std::memory_order_acquire);
      const int64_t sample = beacon.sample.load(std::memory_order_relaxed);
      const std::chrono::nanoseconds since(std::max<int64_t>(now - beacon.since_ns.load(std::memory_order_relaxed), 0));
      text += (w == 0 ? ": worker " : ", worker ") + std::to_string(w);
      if (processes_) text += " (pid " + std::to_string(processes_->pid(w)) + ")";
      if (phase == WorkerPhase::kStarting)
        text += " builds its dataset";
      else if (phase == WorkerPhase::kIdle)
        text += " is idle for " + seconds_text(since);
      else
        text +=
            " reads sample " + std::to_string(sample) + name_of(sample) + ", in this range for " + seconds_text(since);
    }
    throw LoaderTimeout(text);
  }

  // Constant after construction.
  DataLoaderOptions options_;
  pid_t owner_;
  std::unique_ptr<SampleSource> source_;
  std::optional<TravellingDataset> travelling_;
  BatchSampler<AnySampler> sampler_;
  std::shared_ptr<const SampleSpec> spec_;
  SlotLayout layout_;

  // Shared with the workers.
  std::shared_ptr<Arena> arena_;
  SharedSegment board_segment_;
  MappedSegment board_memory_;
  Board board_;
  EventFd done_;

  // The trainer's private knowledge.
  struct GivenUp {
    uint64_t sequence = 0;
    size_t range = 0;
    WorkerDied error;
  };
  Ledger ledger_;
  Epoll epoll_;
  std::vector<GivenUp> given_up_;
  std::optional<std::string> fatal_;      // Why no worker can be had,
  std::optional<std::string> corrupted_;  // or why the board cannot be believed.
  int64_t deaths_without_batch_ = 0;
  std::vector<int64_t> deaths_before_ready_;  // In a row, by worker.
  LoaderStats stats_;
  Clock::time_point next_look_for_deaths_;
  int64_t epoch_ = 0;             // Being delivered,
  int64_t delivered_ = 0;         // and how many of its batches are through, lost ones too.
  int64_t opening_epoch_ = 0;     // Being opened,
  int64_t opened_in_epoch_ = 0;   // and how many of its batches are open or beyond.
  uint64_t next_sequence_ = 0;    // Of the next batch to open.
  uint64_t next_in_order_ = 0;    // Of the next batch to deliver in order.
  std::vector<int64_t> indices_;  // Scratch.
  std::vector<size_t> returned_;  // Scratch.

  // Destroyed first: they use what is above.
  std::optional<Worker> inline_worker_;
  std::unique_ptr<ThreadCrew> threads_;
  std::unique_ptr<ProcessCrew> processes_;
};

DataLoader::DataLoader(Parts parts, DataLoaderOptions options)
    : engine_(std::make_unique<Engine>(std::move(parts), options)) {}
DataLoader::~DataLoader() = default;

std::optional<Batch> DataLoader::next() { return engine_->next(); }
int64_t DataLoader::size() const { return engine_->size(); }
int64_t DataLoader::epoch() const { return engine_->epoch(); }
void DataLoader::set_epoch(int64_t epoch) { engine_->set_epoch(epoch); }
void DataLoader::wait_ready() { engine_->wait_ready(); }
LoaderStats DataLoader::stats() const { return engine_->stats(); }
const SampleSpec& DataLoader::spec() const { return engine_->spec(); }
std::vector<pid_t> DataLoader::worker_pids() const { return engine_->worker_pids(); }

DataLoader::Iterator DataLoader::begin() {
  engine_->leave_unfinished_epoch();
  return Iterator(*this);
}

}  // namespace millrace
