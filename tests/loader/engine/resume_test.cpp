#include "millrace/loader/engine/resume.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/tests/loader/engine/fakes.h"

namespace millrace::resume_test {
namespace {

using engine_fakes::FakeSource;
using engine_fakes::ScriptedOrder;
using testing::HasSubstr;
using testing::Not;

// A loader of 20 samples in two batches.
struct ResumeTest : testing::Test {
  // Plans the next batch and takes a slot for it.
  void open_next() {
    BatchPlan plan;
    std::vector<int64_t> indices;
    const uint64_t sequence = cursor.plan_next(plan, indices).value();
    in_flight.open(sequence, plan, 1, indices);
  }

  LoaderState own_state() const { return tested.save(cursor, in_flight); }

  // Why the loader refuses the state.
  std::string complaint(const LoaderState& state) const {
    try {
      tested.require_own(state, cursor);
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "none";
  }

  FakeSource source{Source::Kind::kRows, 20};
  DataLoaderOptions options = DataLoaderOptions(4).seed(7);
  SampleSpec spec = source.known_spec().value();
  Cursor cursor{std::make_unique<ScriptedOrder>(std::vector<ScriptedOrder::Batch>{{{1}}, {{2}}}),
                Cursor::Reach::kEpoch};
  InFlight in_flight{2};
  Resume tested{source, spec, options};
};

TEST_F(ResumeTest, SavesWhatALoaderIs) {
  const auto state = own_state();
  EXPECT_EQ(state.version, LoaderState::kVersion);
  EXPECT_EQ(state.samples, 20U);
  EXPECT_EQ(state.fields, "x: Byte []");
  EXPECT_EQ(state.seed, 7U);
  EXPECT_EQ(state.order, "scripted");
  EXPECT_EQ(state.batch_size, 4);
}

TEST_F(ResumeTest, SavesTheBatchThatComesNext) {
  open_next();
  open_next();
  EXPECT_EQ(own_state().batches, 0);
  cursor.pass(0, in_flight.plan(0), nullptr);
  in_flight.lend(0, {});
  EXPECT_EQ(own_state().batches, 1);
  cursor.pass(1, in_flight.plan(1), nullptr);
  in_flight.lend(1, {});
  EXPECT_EQ(own_state().batches, 2) << "the end: none is open";
}

TEST_F(ResumeTest, SaysOfPackedBatchesOnlyThatTheyAre) {
  FakeSource packed(Source::Kind::kPacked, 20);
  EXPECT_EQ(Resume(packed, spec, options).save(cursor, in_flight).fields, "packed");
}

TEST_F(ResumeTest, TakesItsOwnState) { EXPECT_EQ(complaint(own_state()), "none"); }

struct Difference {
  std::string name;
  std::function<void(LoaderState&)> change;
  std::string text;
};

struct RefusalTest : ResumeTest, testing::WithParamInterface<Difference> {};

TEST_P(RefusalTest, NamesTheDifference) {
  auto state = own_state();
  GetParam().change(state);
  EXPECT_EQ(complaint(state), "this loader cannot go on from that state: " + GetParam().text);
}

const std::vector<Difference> kDifferences = {
    {"Version", [](auto& state) { state.version = 1; }, "its version is 2, the state's is 1"},
    {"Samples", [](auto& state) { state.samples = 21; }, "its dataset's number of samples is 20, the state's is 21"},
    {"Fields", [](auto& state) { state.fields = "y"; }, "its dataset's sample is x: Byte [], the state's is y"},
    {"Seed", [](auto& state) { state.seed = 8; }, "its seed is 7, the state's is 8"},
    {"Order", [](auto& state) { state.order = "other"; }, "its order is scripted, the state's is other"},
    {"BatchSizeWithBatchesAhead",
     [](auto& state) {
       state.batch_size = 5;
       state.ahead = {1};
     },
     "its batch_size is 4, the state's is 5"},
    {"Epoch", [](auto& state) { state.epoch = -1; }, "its epoch is negative"},
    {"StateOfAStream",
     [](auto& state) {
       state.streams.resize(2);
       state.streams[1].state = {std::byte{1}};
     },
     "that of its stream 1 is no state of this dataset: this dataset has no state()"},
};
INSTANTIATE_TEST_SUITE_P(Resume, RefusalTest, testing::ValuesIn(kDifferences),
                         [](const auto& tested) { return tested.param.name; });

TEST_F(ResumeTest, TakesAnotherBatchSizeWhereNoBatchIsAhead) {
  auto state = own_state();
  state.batch_size = 5;
  EXPECT_EQ(complaint(state), "none");
}

TEST_F(ResumeTest, PrintsNoControlCharactersOfAState) {
  auto state = own_state();
  state.order = "\x1b[2J";
  EXPECT_THAT(complaint(state), Not(HasSubstr("\x1b")));
  EXPECT_NE(complaint(state), "none");
}

TEST_F(ResumeTest, HasNoStateWithTorchsSeeds) {
  const auto state = own_state();
  options.seed_mode(SeedMode::kTorch);
  EXPECT_THROW(own_state(), std::logic_error);
  try {
    tested.require_own(state, cursor);
    FAIL();
  } catch (const std::invalid_argument& e) {
    FAIL() << "as if another state would do: " << e.what();
  } catch (const std::logic_error& e) {
    EXPECT_THAT(e.what(), HasSubstr("Use SeedMode::kPerSample"));
  }
}

}  // namespace
}  // namespace millrace::resume_test
