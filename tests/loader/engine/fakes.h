#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/engine/crew.h"
#include "millrace/loader/engine/events.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/order.h"
#include "millrace/loader/engine/trainer_board.h"
#include "millrace/loader/engine/worker_board.h"
#include "millrace/loader/sources/source.h"

/// What stands around one class of the engine in its test, without processes, files and time.
namespace millrace::engine_fakes {

/// The memory of a board, zeroed and shared with nobody.
class BoardMemory {
 public:
  explicit BoardMemory(const Board::Geometry& geometry) : lines_((Board::bytes(geometry) + 63) / 64) {}

  std::byte* data() { return lines_.front().bytes.data(); }

 private:
  struct alignas(64) Line {
    std::array<std::byte, 64> bytes = {};
  };

  std::vector<Line> lines_;
};

/// Workers who do nothing. Worker w begins as incarnation w + 1 and as process 100 + w; one that takes the place of
/// another has the next incarnation.
class FakeCrew final : public Crew {
 public:
  explicit FakeCrew(size_t workers) : sockets(workers) {
    for (size_t w = 0; w < workers; ++w) incarnations.push_back(++last_incarnation_);
  }

  size_t size() const override { return incarnations.size(); }
  const FdSocket& overflow(size_t worker) const override { return sockets[worker]; }
  bool has(uint32_t incarnation) const override {
    return incarnation != 0 && std::ranges::find(incarnations, incarnation) != incarnations.end();
  }
  int number_of(uint32_t incarnation) const override { return static_cast<int>(incarnation) - 1; }
  pid_t pid(size_t worker) const override { return 100 + static_cast<pid_t>(worker); }
  std::string kernel_state(size_t worker) const override {
    const auto found = kernel_states.find(worker);
    return found == kernel_states.end() ? std::string() : found->second;
  }
  bool is_its(const Beacon& beacon, size_t worker) const override {
    return beacon.incarnation == 0 || beacon.incarnation == incarnations[worker];
  }
  bool fill_one() override { return on_fill_one(); }
  bool all_ready() const override { return ready; }
  std::optional<Death> bury(size_t worker) override {
    const auto found = deaths.extract(worker);
    return found ? std::optional(found.mapped()) : std::nullopt;
  }
  FdSocket take_overflow(size_t worker) override { return std::move(sockets[worker]); }
  void replace(size_t worker) override {
    on_replace();
    incarnations[worker] = ++last_incarnation_;
    replaced.push_back(worker);
  }
  bool kill(size_t worker) override {
    killed.push_back(worker);
    return can_kill;
  }

  /// How a worker is found that was killed by SIGKILL after it had built its dataset.
  Death death(size_t worker) {
    return {worker, std::exchange(incarnations[worker], 0), pid(worker), ExitStatus(9), true, {}};
  }

  std::vector<uint32_t> incarnations;  ///< By worker; 0 while its place is vacant.
  std::vector<FdSocket> sockets;       ///< The trainer's ends, by worker.
  std::map<size_t, Death> deaths;      ///< What bury() reports, once.
  std::map<size_t, std::string> kernel_states;
  std::function<bool()> on_fill_one = [] { return false; };
  std::function<void()> on_replace = [] {};
  bool ready = true;
  bool can_kill = true;

  // What it was asked to do.
  std::vector<size_t> replaced;
  std::vector<size_t> killed;

 private:
  uint32_t last_incarnation_ = 0;
};

/// Time that passes in waits only, in which a test lets happen what it likes.
class FakeEvents final : public Events {
 public:
  Time now() const override { return time; }

  const std::vector<size_t>& wait(std::chrono::nanoseconds limit) override {
    if (limits.size() == 10'000) throw std::logic_error("the engine waits for what never comes");
    limits.push_back(limit);
    ended.clear();
    if (limit.count() == 0) return ended;
    auto happens = std::exchange(meanwhile, nullptr);  // It may put another in its place.
    if (!happens()) time += limit;
    if (!meanwhile) meanwhile = std::move(happens);
    return ended;
  }

  bool look_for_a_while(const std::function<bool()>& look) override { return look(); }

  /// What happens in a wait that is no mere look; false where nothing does, and then the wait takes as long as it may.
  std::function<bool()> meanwhile = [] { return false; };
  std::vector<size_t> ended;  ///< Workers that the wait reports.

  Time time{std::chrono::hours(1)};
  std::vector<std::chrono::nanoseconds> limits;  ///< Of the waits so far.
};

/// A dataset of which only the size and the kind matter.
class FakeSource final : public Source {
 public:
  FakeSource(Kind kind, size_t size) : kind_(kind), size_(size) {}

  Kind kind() const override { return kind_; }
  size_t size() const override { return size_; }
  std::optional<SampleSpec> known_spec() override { return spec_; }
  SampleSpec read_spec(size_t) override { throw std::logic_error("nobody reads in these tests"); }
  void set_spec(SampleSpec spec) override { spec_ = std::move(spec); }
  void fill(FillRequest&) override { throw std::logic_error("nobody reads in these tests"); }
  std::string describe(size_t) const override { return name; }
  std::unique_ptr<Source> clone() const override { throw std::logic_error("nobody reads in these tests"); }

  std::string name;  ///< Of every sample.

 private:
  Kind kind_;
  size_t size_;
  SampleSpec spec_ = {{"x", c10::ScalarType::Byte, {}}};
};

/// Gives the batches of a script, the same ones in every epoch. A batch's number is that of its stream as well.
class ScriptedOrder final : public Order {
 public:
  struct Batch {
    std::vector<int64_t> indices;
    std::exception_ptr error = {};
  };

  explicit ScriptedOrder(std::vector<Batch> script) : script_(std::move(script)) {}

  std::string name() const override { return "scripted"; }
  std::optional<int64_t> size() const override { return std::ssize(script_); }
  int64_t epoch() const override { return 0; }
  void begin(int64_t epoch) override {
    epoch_ = epoch;
    next_ = 0;
  }
  bool next(BatchPlan& plan, std::vector<int64_t>& indices) override {
    if (next_ == script_.size()) return false;
    plan = BatchPlan();
    plan.epoch = epoch_;
    plan.batch = plan.stream.stream = static_cast<int64_t>(next_);
    plan.error = script_[next_].error;
    indices = script_[next_++].indices;
    return true;
  }
  void passed(const BatchPlan&, const PackedBatch*) override {}
  void save(LoaderState& state, int64_t, const BatchPlan* next) const override {
    state.batches = next != nullptr ? next->batch : std::ssize(script_);
  }
  void load(const LoaderState&) override {}

 private:
  std::vector<Batch> script_;
  int64_t epoch_ = 0;
  size_t next_ = 0;
};

/// Batches of four samples in two ranges, in three slots, and two workers.
struct Bench {
  static constexpr Board::Geometry kGeometry{.slots = 3, .ranges = 2, .range_samples = 2, .workers = 2};

  /// A batch on the board, as the trainer opens it. Its slot.
  size_t open(std::vector<int64_t> indices = {10, 11, 12, 13}) {
    const uint64_t sequence = next_sequence++;
    const auto samples = static_cast<uint32_t>(indices.size());
    const size_t slot = in_flight.open(sequence, BatchPlan(), board.range_count(samples), indices);
    board.open(slot, in_flight[slot].generation, {.sequence = sequence, .samples = samples});
    return slot;
  }

  /// An error as a worker reports it.
  static RangeError error(uint32_t row, int64_t index) {
    return {.sample = row, .index = index, .type = {'T'}, .path = {'p'}, .message = {'m'}};
  }

  BoardMemory memory{kGeometry};
  TrainerBoard board{memory.data(), kGeometry};
  WorkerBoard worker{memory.data(), kGeometry};
  FakeCrew crew{kGeometry.workers};
  InFlight in_flight{kGeometry.slots};
  uint64_t next_sequence = 0;
};

}  // namespace millrace::engine_fakes
