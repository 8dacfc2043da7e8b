// The crews that read in this process. That of processes is tested with whole loaders (kill_test.cpp).

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/engine/inline_crew.h"
#include "millrace/loader/engine/make_crew.h"
#include "millrace/loader/engine/thread_crew.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::crews_test {
namespace {

constexpr int64_t kBad = 13;

// Counts what is read; its clones count with it.
class CountingSource final : public Source {
 public:
  using Reads = std::array<std::atomic<int>, 20>;

  explicit CountingSource(std::shared_ptr<Reads> reads) : reads_(std::move(reads)) {}

  Kind kind() const override { return Kind::kRows; }
  size_t size() const override { return reads_->size(); }
  std::optional<SampleSpec> known_spec() override { return spec_; }
  SampleSpec read_spec(size_t) override { return spec_; }
  void set_spec(SampleSpec spec) override { spec_ = std::move(spec); }
  void fill(FillRequest& request) override {
    for (uint32_t row = request.first(); row < request.last(); ++row) {
      request.start(row);
      if (static_cast<int64_t>(request.index(row)) == kBad) throw std::out_of_range("bad");
      ++reads_->at(request.index(row));
    }
  }
  std::string describe(size_t index) const override { return "sample " + std::to_string(index); }
  std::unique_ptr<Source> clone() const override { return std::make_unique<CountingSource>(reads_); }

 private:
  std::shared_ptr<Reads> reads_;
  SampleSpec spec_ = {{"x", c10::ScalarType::Byte, {}}};
};

struct Crews : testing::Test, engine_fakes::Bench {
  // With tickets, which Bench leaves out.
  size_t open_with_tickets(std::vector<int64_t> indices) {
    const uint64_t next = next_sequence++;
    const auto samples = static_cast<uint32_t>(indices.size());
    const size_t slot = in_flight.open(next, BatchPlan(), board.range_count(samples), indices);
    const auto tickets = layout.tickets(slots.data() + slot * layout.slot_bytes());
    for (uint32_t row = 0; row < samples; ++row) tickets[row] = {in_flight[slot].indices[row], 0};
    board.open(slot, in_flight[slot].generation, {.sequence = next, .samples = samples});
    return slot;
  }

  RangeState state(size_t slot, size_t range) const { return board.range(slot, range).state; }

  Worker::Place place() { return {worker, slots.data(), nullptr, layout, done, nullptr}; }

  std::shared_ptr<CountingSource::Reads> reads = std::make_shared<CountingSource::Reads>();
  CountingSource source{reads};
  SlotLayout layout = layout_of(source.known_spec().value(), 4);
  std::vector<std::byte> slots = std::vector<std::byte>(kGeometry.slots * layout.slot_bytes());
  EventFd done;
};

// What the options make of it.
struct Made : Crews {
  std::unique_ptr<Crew> make(const DataLoaderOptions& options) {
    shared.emplace(source.known_spec().value(), traits_of(source), options);
    events.emplace(shared->done, shared->memory.arena().returned());
    return make_crew(source, nullptr, *shared, *events, options);
  }

  std::optional<SharedParts> shared;
  std::optional<EpollEvents> events;
};

TEST_F(Made, WithoutWorkersTheTrainerReadsItself) {
  const auto made = make(DataLoaderOptions(4).num_workers(0));
  EXPECT_EQ(made->size(), 1U);
  EXPECT_EQ(made->number_of(0), -1);
}

TEST_F(Made, ThreadsAreAsManyAsWorkers) {
  const auto made = make(DataLoaderOptions(4).num_workers(3).worker_mode(WorkerMode::kThread));
  EXPECT_EQ(made->size(), 3U);
  EXPECT_EQ(made->pid(0), 0);
}

TEST_F(Made, ADatasetThatCannotTravelIsNotReadByProcessesThatAreNoForks) {
  try {
    start_processes(source, std::nullopt, DataLoaderOptions(4).num_workers(1).start_method(StartMethod::kSpawn));
    ADD_FAILURE() << "it has workers";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), testing::HasSubstr("this dataset cannot travel to spawn workers"));
  }
}

TEST_F(Crews, InlineReadsARangeWhenItIsCalledAndNothingWhenNoneIsOpen) {
  InlineCrew tested(place(), source, WorkerRole());
  EXPECT_FALSE(tested.fill_one());
  const size_t slot = open_with_tickets({10, 11, 12, 14});
  EXPECT_TRUE(tested.fill_one());
  EXPECT_EQ(state(slot, 0), RangeState::kDone);
  EXPECT_EQ(state(slot, 1), RangeState::kOpen);
  EXPECT_TRUE(tested.fill_one());
  EXPECT_FALSE(tested.fill_one());
  for (const size_t index : {10, 11, 12, 14}) EXPECT_EQ(reads->at(index), 1);
}

TEST_F(Crews, InlineReportsWhatADatasetThrowsByTheBoard) {
  InlineCrew tested(place(), source, WorkerRole());
  const size_t slot = open_with_tickets({10, kBad});
  EXPECT_TRUE(tested.fill_one());
  EXPECT_EQ(state(slot, 0), RangeState::kFailed);
  const RangeError error = board.error(slot, 0);
  EXPECT_EQ(error.sample, 1U);
  EXPECT_EQ(error.index, kBad);
  EXPECT_STREQ(error.type.data(), "std::out_of_range");
  EXPECT_STREQ(error.path.data(), "sample 13");
}

TEST_F(Crews, InlineIsTheTrainerAndNoProcessOfItsOwn) {
  const InlineCrew tested(place(), source, WorkerRole());
  EXPECT_EQ(tested.size(), 1U);
  EXPECT_EQ(tested.pid(0), 0);
  EXPECT_EQ(tested.number_of(0), -1);
  EXPECT_TRUE(tested.has(0));
  EXPECT_FALSE(tested.has(1));
}

TEST_F(Crews, ThreadsReadByThemselvesAndRingTheBell) {
  WorkerRole role;
  role.num_workers = 2;
  ThreadCrew tested(board, place(), source, role);
  const size_t slot = open_with_tickets({1, 2, 3, 4});
  const auto open = [&] { return board.range(slot, 0).pending() || board.range(slot, 1).pending(); };
  board.start_waiting(std::nullopt);
  while (open()) {
    ASSERT_TRUE(poll_readable(done.fd(), std::chrono::seconds(20)));
    done.clear();
  }
  for (const size_t index : {1, 2, 3, 4}) EXPECT_EQ(reads->at(index), 1);
  EXPECT_FALSE(tested.fill_one()) << "it is not the trainer's to read";
}

TEST_F(Crews, ThreadsAreNumberedFromTheFirstIncarnation) {
  WorkerRole role;
  role.num_workers = 2;
  ThreadCrew tested(board, place(), source, role);
  EXPECT_EQ(tested.size(), 2U);
  EXPECT_TRUE(tested.has(1));
  EXPECT_TRUE(tested.has(2));
  EXPECT_FALSE(tested.has(0)) << "the trainer reads nothing";
  EXPECT_FALSE(tested.has(3));
  EXPECT_EQ(tested.number_of(2), 1);
  EXPECT_FALSE(tested.kill(0));
}

TEST_F(Crews, ThreadsEndWithTheirCrew) {
  WorkerRole role;
  role.num_workers = 2;
  {
    const ThreadCrew tested(board, place(), source, role);
  }
  EXPECT_TRUE(board.stopping());
  const size_t slot = open_with_tickets({1});
  EXPECT_EQ(state(slot, 0), RangeState::kOpen) << "nobody is left";
}

}  // namespace
}  // namespace millrace::crews_test
