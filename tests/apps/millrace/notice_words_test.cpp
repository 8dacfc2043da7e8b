#include "millrace/apps/millrace/notice_words.h"

#include <gtest/gtest.h>

namespace millrace::notice_words_test {
namespace {

using apps::words_of_notice;

TEST(NoticeWords, AreThoseOfTheConfiguration) {
  EXPECT_EQ(words_of_notice("DataLoader: a sample could not be read and was left out: sample 3 ('a.jpg'), read by "
                            "worker 0: std::runtime_error: 'a.jpg' is no picture. Others are counted, and summed up "
                            "at the end of their epoch"),
            "loader: a sample could not be read and was left out: sample 3 ('a.jpg'), read by worker 0: 'a.jpg' is no "
            "picture. Others are counted; with loader.on_error: raise each is an error");
  EXPECT_EQ(words_of_notice("DataLoader: more than 2 batches are kept. Drop batches, or raise DataLoaderOptions::held"),
            "loader: more than 2 batches are kept. Drop batches, or raise loader.held");
  EXPECT_EQ(words_of_notice("ImageFolder: left out of 'ImageFolder': 1 file"),
            "image_folder: left out of 'ImageFolder': 1 file");
}

TEST(NoticeWords, CountEpochsAndBatchesFromOne) {
  EXPECT_EQ(words_of_notice("DataLoader: in epoch 0, 3 worker processes died and were replaced, and 6 of their samples "
                            "were read again. LoaderStats counts them"),
            "loader: in epoch 1, 3 worker processes died and were replaced, and 6 of their samples were read again");
  EXPECT_EQ(words_of_notice("DataLoader: batch 9 of epoch 0 has not come for 10.0 s: worker 0 reads (epoch 0/a.jpg)"),
            "loader: batch 10 of epoch 1 has not come for 10.0 s: worker 0 reads (epoch 0/a.jpg)");
  EXPECT_EQ(words_of_notice("schedule.epochs: the drop at epoch 3"), "schedule.epochs: the drop at epoch 3");
}

TEST(NoticeWords, SayNothingOfWhatTheProgramSumsUpItself) {
  EXPECT_FALSE(
      words_of_notice("DataLoader: of the 8 samples of epoch 0, 1 could not be read and was left out, the "
                      "first: sample 3. LoaderStats counts them; with on_error(OnError::kRaise) each is an "
                      "error"));
}

}  // namespace
}  // namespace millrace::notice_words_test
