#include "millrace/loader/engine/tally.h"

#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace millrace::tally_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

struct Collector : c10::WarningHandler {
  void process(const c10::Warning& warning) override { texts.push_back(warning.msg()); }
  std::vector<std::string> texts;
};

struct Thrower : c10::WarningHandler {
  void process(const c10::Warning&) override { throw std::runtime_error("handled"); }
};

void skip(Tally& tally, const std::string& text, uint64_t given) {
  tally.note_error(text);
  ++tally.stats.skipped_samples;
  tally.stats.samples += given;
}

TEST(Tally, WarnsOnceWithTheFirstErrorOfTheEpoch) {
  Collector collector;
  const c10::WarningUtils::WarningHandlerGuard guard(&collector);
  Tally tally;
  skip(tally, "first", 8);
  skip(tally, "second", 1);
  tally.end_epoch(3);
  skip(tally, "third", 8);
  tally.end_epoch(4);
  ASSERT_EQ(collector.texts.size(), 1U);
  EXPECT_THAT(collector.texts[0],
              HasSubstr("of the 11 samples of epoch 3, 2 could not be read and were left out, the first: first"));
  EXPECT_EQ(tally.stats.last_error, "third");
}

TEST(Tally, SaysNothingOfAnEpochThatLostNothing) {
  Collector collector;
  const c10::WarningUtils::WarningHandlerGuard guard(&collector);
  Tally tally;
  tally.stats.samples = 100;
  tally.end_epoch(0);
  EXPECT_THAT(collector.texts, IsEmpty());
}

TEST(Tally, WarnsOnceMoreOfAnEpochThatHadNothingElse) {
  Collector collector;
  const c10::WarningUtils::WarningHandlerGuard guard(&collector);
  Tally tally;
  skip(tally, "one", 5);
  tally.end_epoch(0);
  for (int epoch = 1; epoch < 4; ++epoch) {
    skip(tally, "all", 0);
    tally.end_epoch(epoch);
  }
  EXPECT_THAT(collector.texts, ElementsAre(HasSubstr("epoch 0"), HasSubstr("of the 1 samples of epoch 1, 1 could")));
}

TEST(Tally, ItsEndThrowsNothing) {
  Thrower thrower;
  const c10::WarningUtils::WarningHandlerGuard guard(&thrower);
  Tally tally;
  skip(tally, "one", 5);
  tally.end(0);
  skip(tally, "all", 0);
  EXPECT_THROW(tally.end_epoch(1), std::runtime_error);
}

}  // namespace
}  // namespace millrace::tally_test
