// What `millrace bench --make-data` does about another one of the same folder, which was killed or is at work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>

#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::killed_make_data_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

const std::string kMake =
    "'" + test::built("apps/millrace") + "' bench --make-data cosmoflow-h100 data --sample-bytes 500";
const std::string kNext = kMake + " --files 2";

// Begins to make far more files than it comes to, and waits until a condition of sh holds.
std::string begun_until(const std::string& condition) {
  return kMake + " --files 200000 & pid=$!\nuntil " + condition +
         "; do kill -0 $pid || exit 9; done\n";  // It cannot have ended, or a fault has ended it.
}

// Begins to make them, and is killed once the condition holds. Exits with 0 then.
std::string killed_when(const std::string& condition) {
  return begun_until(condition) + "kill -9 $pid; wait $pid; [ $? = 137 ]";
}

std::set<std::string> names_in(const std::string& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename());
  return names;
}

TEST(KilledMakeData, NextOneSucceeds) {
  for (const char* moment : {"[ -e data ]", "[ -e data/bench.yaml ]", "[ -e data/data/part-00000.tfrecord ]",
                             "[ -e data/data/part-00100.tfrecord ]"}) {
    SCOPED_TRACE(moment);
    const test::Directory folder;
    ASSERT_EQ(test::run_in(folder.path(), killed_when(moment)).exit_code, 0);
    const auto next = test::run_in(folder.path(), kNext);
    EXPECT_EQ(next.exit_code, 0) << next.err;
    EXPECT_THAT(names_in(folder.path() + "/data"), ElementsAre("bench.yaml", "data"));
    EXPECT_THAT(names_in(folder.path() + "/data/data"), ElementsAre("part-00000.tfrecord", "part-00001.tfrecord"));
  }
}

TEST(KilledMakeData, PiecesOfFilesAreRemoved) {
  const test::Directory folder;
  ASSERT_EQ(test::run_in(folder.path(), kNext).exit_code, 0);
  folder.write("data/bench.yaml.17.tmp", "# half of it");
  folder.write("data/data/part-00002.tfrecord.18.tmp", "half of it");
  const auto next = test::run_in(folder.path(), kNext);
  EXPECT_EQ(next.exit_code, 0) << next.err;
  EXPECT_THAT(names_in(folder.path() + "/data"), ElementsAre("bench.yaml", "data"));
  EXPECT_THAT(names_in(folder.path() + "/data/data"), ElementsAre("part-00000.tfrecord", "part-00001.tfrecord"));
}

// What is told of the bench.yaml in data, and of its folder.
void expect_told_unfinished(const test::Directory& folder) {
  for (const char* config : {"data", "data/", "data/bench.yaml"}) {
    const auto told = test::run_in(folder.path(), "'" + test::built("apps/millrace") + "' bench --batches 1 " + config);
    EXPECT_EQ(told.exit_code, 2) << config;
    EXPECT_THAT(told.err, HasSubstr("data/bench.yaml' has no settings: millrace bench --make-data is not done yet, or "
                                    "was ended before it had made all; make the data again: millrace bench "
                                    "--make-data NAME data"))
        << config;
  }
}

TEST(KilledMakeData, LeavesAConfigurationThatIsToldForWhatItIs) {
  const test::Directory folder;
  ASSERT_EQ(test::run_in(folder.path(), killed_when("[ -e data/data/part-00000.tfrecord ]")).exit_code, 0);
  expect_told_unfinished(folder);
}

TEST(KilledMakeData, AnEmptyConfigurationIsToldForWhatItIsAndMadeAgain) {
  const test::Directory folder;
  ASSERT_EQ(test::run_in(folder.path(), kNext).exit_code, 0);
  folder.write("data/bench.yaml", "");
  expect_told_unfinished(folder);
  const auto next = test::run_in(folder.path(), kNext);
  EXPECT_EQ(next.exit_code, 0) << next.err;
  EXPECT_EQ(test::run_in(folder.path(), "'" + test::built("apps/millrace") + "' bench --batches 2 data").exit_code, 0);
}

TEST(KilledMakeData, AConfigurationOfOnesOwnOfThatNameIsRead) {
  const test::Directory folder;
  folder.write("bench.yaml", "# mine\ndataset: {type: rows, size: 64, width: 2}\n");
  const auto own = test::run_in(folder.path(), "'" + test::built("apps/millrace") + "' bench --batches 1 bench.yaml");
  EXPECT_EQ(own.exit_code, 0) << own.err;
}

TEST(KilledMakeData, ForeignFileInWhatItLeftIsRefused) {
  const test::Directory folder;
  ASSERT_EQ(test::run_in(folder.path(), killed_when("[ -e data/data/part-00000.tfrecord ]")).exit_code, 0);
  folder.write("data/data/photo.jpg", "mine");
  const auto next = test::run_in(folder.path(), kNext);
  EXPECT_EQ(next.exit_code, 1);
  EXPECT_THAT(next.err, HasSubstr("'data/photo.jpg', which it did not write"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() + "/data/data/part-00000.tfrecord"));
}

TEST(KilledMakeData, OneThatIsAtWorkIsLeftAlone) {
  const test::Directory folder;
  const auto ended = test::run_in(folder.path(), begun_until("[ -e data/data/part-00000.tfrecord ]") + kNext +
                                                     "; code=$?; kill -9 $pid; wait $pid; exit $code");
  EXPECT_EQ(ended.exit_code, 1);
  EXPECT_THAT(ended.err, HasSubstr("another millrace bench --make-data writes into "));
}

}  // namespace
}  // namespace millrace::killed_make_data_test
