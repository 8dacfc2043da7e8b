#include "millrace/training/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/training/curves.h"

namespace millrace::training::journal_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

std::string text_of(const std::string& file) {
  std::ostringstream text;
  text << std::ifstream(file).rdbuf();
  return text.str();
}

TEST(Journal, HasARowAndCurvesForEachEpoch) {
  const test::Directory folder;
  auto run = records::RunDirectory::make(folder.path(), "run");
  auto journal = Journal::begin(run, {"train_loss", "test_accuracy"});
  journal.line("hello");
  journal.step(1, {{"step/loss", 3}});
  journal.epoch(1, 2, {{"train_loss", 2}, {"test_accuracy", 0.5}});
  journal.epoch(2, 4, {{"train_loss", 1}, {"test_accuracy", 0.75}});
  EXPECT_EQ(text_of(run.path() + "/metrics.csv"), "epoch,train_loss,test_accuracy\n1,2,0.5\n2,1,0.75\n");
  EXPECT_THAT(text_of(run.path() + "/log.txt"), HasSubstr("Z hello\n"));
  EXPECT_THAT(text_of(run.path() + "/loss.svg"), HasSubstr("<svg"));
  EXPECT_THAT(text_of(run.path() + "/accuracy.svg"), HasSubstr("<svg"));
}

TEST(Journal, HasTheFirstBatchAsAFileAndForTensorBoard) {
  const test::Directory folder;
  auto run = records::RunDirectory::make(folder.path(), "run");
  auto journal = Journal::begin(run, {"train_loss"});
  journal.first_batch({2, 3, "the bytes of a PNG"});
  EXPECT_EQ(text_of(run.path() + "/first_batch.png"), "the bytes of a PNG");
  int event_files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(run.path())) {
    if (!entry.path().filename().string().starts_with("events")) continue;
    ++event_files;
    EXPECT_THAT(text_of(entry.path()), HasSubstr("the bytes of a PNG"));
  }
  EXPECT_EQ(event_files, 1);
}

TEST(Journal, ForgetsWhatWasBehindTheCheckpoint) {
  const test::Directory folder;
  auto run = records::RunDirectory::make(folder.path(), "run");
  run.write_config("{}");
  {
    auto journal = Journal::begin(run, {"train_loss"});
    for (int epoch = 1; epoch <= 3; ++epoch) journal.epoch(epoch, epoch, {{"train_loss", 9}});
  }
  auto again = records::RunDirectory::open(run.path());
  auto journal = Journal::resume(again, {"train_loss"}, 1, 1);
  journal.epoch(2, 2, {{"train_loss", 5}});
  EXPECT_EQ(text_of(run.path() + "/metrics.csv"), "epoch,train_loss\n1,9\n2,5\n");
}

TEST(Curves, AreThoseOfLossAndOfEachMeasure) {
  const test::Directory folder;
  std::ofstream(folder.path() + "/metrics.csv") << "epoch,train_loss,test_loss,test_mean_iou,lr\n1,2,3,0.5,0.1\n";
  EXPECT_THAT(write_curves(folder.path() + "/metrics.csv", folder.path()), ElementsAre("mean_iou.svg", "loss.svg"));
  EXPECT_THROW(write_curves(folder.path() + "/none.csv", folder.path()), std::runtime_error);
}

}  // namespace
}  // namespace millrace::training::journal_test
