#include "millrace/apps/millrace/bench/comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace millrace::comparison_test {
namespace {

using apps::compare;
using apps::Comparison;
using apps::Saved;

// Ten windows around a rate, of which none is like another.
Saved around(double rate, double noise = 0.001) {
  Saved saved{{{"processor", "one"}}, {{"loader.num_workers", "2"}}, {{"samples_per_s", rate}}, {}};
  for (int i = 0; i < 10; ++i) saved.rates.push_back(rate * (1 + noise * (i - 4.5) + 1e-9 * rate));
  return saved;
}

TEST(Comparison, TellsFasterFromSlower) {
  EXPECT_EQ(compare(around(1100), around(1000)).outcome, Comparison::Outcome::kGotFaster);
  EXPECT_EQ(compare(around(900), around(1000)).outcome, Comparison::Outcome::kGotSlower);
  EXPECT_NEAR(compare(around(900), around(1000)).ratio, 0.9, 1e-6);
}

TEST(Comparison, FindsNothingInWhatNoiseExplains) {
  EXPECT_EQ(compare(around(1000), around(1000)).outcome, Comparison::Outcome::kSame);
  // Every window is faster, by so little as the next run may be slower.
  EXPECT_EQ(compare(around(1020, 0.0001), around(1000, 0.0001)).outcome, Comparison::Outcome::kSame);
  // The medians differ much, and so do the windows.
  EXPECT_EQ(compare(around(1100, 0.1), around(1000, 0.1)).outcome, Comparison::Outcome::kSame);
}

TEST(Comparison, TellsAThousandthHoweverMuchTheWindowsDiffer) {
  EXPECT_EQ(compare(around(1, 0.15), around(1000, 0.15)).outcome, Comparison::Outcome::kGotSlower);
  EXPECT_EQ(compare(around(1000, 0.15), around(1, 0.15)).outcome, Comparison::Outcome::kGotFaster);
}

// The first of the windows around a rate.
Saved few_around(double rate, size_t windows) {
  Saved few = around(rate);
  few.rates.resize(windows);
  return few;
}

TEST(Comparison, SaysThatFewWindowsCannotTell) {
  using Outcome = Comparison::Outcome;
  EXPECT_EQ(compare(few_around(2000, 2), around(1000)).outcome, Outcome::kTooFewWindows) << "two may be luck";
  EXPECT_EQ(compare(few_around(2000, 4), few_around(1000, 4)).outcome, Outcome::kTooFewWindows);
  EXPECT_EQ(compare(few_around(1000, 4), few_around(1000, 4)).outcome, Outcome::kTooFewWindows)
      << "nor that nothing is";
  EXPECT_EQ(compare(few_around(2000, 5), few_around(1000, 5)).outcome, Outcome::kGotFaster);
  EXPECT_EQ(compare(few_around(2000, 3), around(1000)).outcome, Outcome::kGotFaster) << "ten beside them are enough";
  EXPECT_THAT(sentence_of(compare(few_around(2000, 1), around(1000)), "old.json"),
              testing::AllOf(testing::HasSubstr("So few windows cannot tell a difference from old.json"),
                             testing::HasSubstr("--repeats")));
}

TEST(Comparison, IsNotMovedByAWindowOfADisturbedMachine) {
  Saved disturbed = around(1000);
  disturbed.rates.back() = 1;
  EXPECT_EQ(compare(disturbed, around(1000)).outcome, Comparison::Outcome::kSame);
  EXPECT_EQ(compare(around(1100), disturbed).outcome, Comparison::Outcome::kGotFaster);
}

TEST(Comparison, NamesWhatIsNotTheSame) {
  Saved other = around(1000);
  other.machine["processor"] = "\x1b[2Jtwo";
  other.settings = {{"loader.num_workers", "4"}, {"loader.seed", "1"}};
  const auto now = around(1000);
  const std::string text = text_of(compare(now, other), now, other, "old.json");
  EXPECT_THAT(text, testing::HasSubstr("not the same: processor was \\x1b[2Jtwo, is one\n"));
  EXPECT_THAT(text, testing::HasSubstr("not the same: loader.num_workers was 4, is 2\n"));
  EXPECT_THAT(text, testing::HasSubstr("not the same: loader.seed was 1, is nothing\n"));
}

}  // namespace
}  // namespace millrace::comparison_test
