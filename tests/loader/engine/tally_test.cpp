#include "millrace/loader/engine/tally.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "millrace/tests/support/notices.h"

namespace millrace::tally_test {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

struct TallyTest : testing::Test {
  void skip(const std::string& text, uint64_t given) {
    tally.note_skipped(1, text);
    tally.stats.samples += given;
  }

  void die(size_t read_again) {
    ++tally.stats.worker_deaths;
    tally.note_death("worker 0 (pid 71) was killed", read_again);
  }

  const test::Notices notices;
  Tally tally;
};

TEST_F(TallyTest, TellsTheFirstSampleThatWasLeftOutAtOnce) {
  skip("first", 8);
  EXPECT_THAT(notices.texts(),
              ElementsAre("DataLoader: a sample could not be read and was left out: first. Others are counted, and "
                          "summed up at the end of their epoch"));
  skip("second", 1);
  tally.note_replaced("third");
  EXPECT_EQ(notices.all().size(), 1U);
  EXPECT_EQ(notices.all()[0].level, NoticeLevel::kWarning);
  EXPECT_EQ(tally.stats.skipped_samples, 2U);
  EXPECT_EQ(tally.stats.replaced_samples, 1U);
  EXPECT_EQ(tally.stats.sample_errors, 3U);
}

TEST_F(TallyTest, SumsUpOnceWithTheFirstErrorOfTheEpoch) {
  skip("first", 8);
  skip("second", 1);
  tally.end_epoch(3);
  skip("third", 8);
  tally.end_epoch(4);
  ASSERT_EQ(notices.all().size(), 2U);
  EXPECT_THAT(notices.texts()[1],
              HasSubstr("of the 11 samples of epoch 3, 2 could not be read and were left out, the first: first"));
  EXPECT_EQ(tally.stats.last_error, "third");
}

TEST_F(TallyTest, SaysNothingOfWhatWasRaised) {
  tally.note_error("raised");
  tally.end_epoch(0);
  EXPECT_THAT(notices.texts(), IsEmpty());
  EXPECT_EQ(tally.stats.sample_errors, 1U);
}

TEST_F(TallyTest, SaysNothingOfAnEpochThatLostNothing) {
  tally.stats.samples = 100;
  tally.end_epoch(0);
  EXPECT_THAT(notices.texts(), IsEmpty());
}

TEST_F(TallyTest, SumsUpOnceMoreAnEpochThatHadNothingElse) {
  skip("one", 5);
  tally.end_epoch(0);
  for (int epoch = 1; epoch < 4; ++epoch) {
    skip("all", 0);
    tally.end_epoch(epoch);
  }
  EXPECT_THAT(notices.texts(), ElementsAre(HasSubstr("a sample"), HasSubstr("epoch 0"),
                                           HasSubstr("of the 1 sample of epoch 1, 1 could")));
}

TEST_F(TallyTest, TellsTheFirstDeathAtOnceAndNoneTwice) {
  die(3);
  tally.end_epoch(0);
  tally.end_epoch(1);
  EXPECT_THAT(notices.texts(),
              ElementsAre("DataLoader: worker 0 (pid 71) was killed, and another takes its place; 3 of its samples are "
                          "read again. Further deaths are counted, and summed up at the end of their epoch"));
  EXPECT_EQ(tally.stats.retried_samples, 3U);
}

TEST_F(TallyTest, SumsUpTheDeathsOfEachEpoch) {
  die(0);
  die(4);
  die(2);
  tally.end_epoch(0);
  die(5);
  tally.end_epoch(1);
  EXPECT_THAT(
      notices.texts(),
      ElementsAre(AllOf(HasSubstr("was killed, and another takes its place. Further")),
                  StartsWith("DataLoader: in epoch 0, 3 worker processes died and were replaced, and 6 of their "
                             "samples were read again"),
                  StartsWith("DataLoader: in epoch 1, 1 worker process died and was replaced, and 5 of")));
}

TEST_F(TallyTest, SumsUpDeathsThatOthersHaveToldOf) {
  tally.note_earlier_deaths(1);
  die(1);
  tally.end_epoch(0);
  EXPECT_THAT(notices.texts(), ElementsAre(HasSubstr("in epoch 0, 2 worker processes died")));
}

}  // namespace
}  // namespace millrace::tally_test
