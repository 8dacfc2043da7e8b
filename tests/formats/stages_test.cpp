// What a loader is told of the work on files that others write.
#include "millrace/loader/stages.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "millrace/formats/lmdb_dataset.h"
#include "millrace/formats/tf_records.h"
#include "millrace/formats/token_windows.h"
#include "millrace/loader/data_loader.h"
#include "millrace/tests/formats/small_files.h"
#include "millrace/tests/support/directory.h"

namespace millrace::stages_test {
namespace {

// The stages of an epoch that the trainer reads itself.
template <class D>
StageReport stages_of(const D& dataset) {
  auto loader = make_data_loader(dataset, DataLoaderOptions(1).profile(Profile::kTimes).prefetch_next_epoch(false));
  while (loader->next()) {
  }
  return loader->stages();
}

class StagesOfFormats : public ::testing::Test {
 protected:
  std::string file(const std::string& name, const std::string& bytes) const {
    folder_.write(name, bytes);
    return folder_.path() + "/" + name;
  }

  const test::Directory folder_;
};

TEST_F(StagesOfFormats, RecordsAreReadAndThenDecoded) {
  const StageReport report = stages_of(TfRecords(file("small.tfrecord", test::small_tfrecord())));
  EXPECT_EQ(report[Stage::kRead].calls, 1U);
  constexpr uint64_t kFraming = 16;  // Length and checksums.
  EXPECT_EQ(report[Stage::kRead].bytes, test::small_tfrecord().size() - kFraming);
  EXPECT_EQ(report[Stage::kDecode].calls, 1U);
}

TEST_F(StagesOfFormats, ValuesOfLmdbAreRead) {
  const StageReport report = stages_of(LmdbDataset(file("small.lmdb", test::small_lmdb())));
  EXPECT_EQ(report[Stage::kRead].calls, 1U);
  EXPECT_EQ(report[Stage::kRead].bytes, std::string("hello").size());
}

TEST_F(StagesOfFormats, WindowsOfTokensAreRead) {
  const std::string tokens(2 * 31, '\x01');
  const StageReport report = stages_of(TokenWindows(file("x.bin", tokens), {.length = 10}));
  EXPECT_EQ(report[Stage::kRead].calls, 3U);
  EXPECT_EQ(report[Stage::kRead].bytes, 3U * 11 * 2) << "with the token behind each, the last target";
}

}  // namespace
}  // namespace millrace::stages_test
