#include "millrace/apps/millrace/loss_summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::loss_summary_test {
namespace {

using namespace apps;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(LossSummary, IsEmptyWhereNothingWasLost) {
  EXPECT_THAT(loss_summary("while training", {}), IsEmpty());
  EXPECT_THAT(loss_notes({}), IsEmpty());
}

TEST(LossSummary, SaysWhatWasLostAndWhy) {
  LoaderStats stats;
  stats.worker_deaths = 1;
  stats.retried_samples = 3;
  EXPECT_EQ(loss_summary("while training", stats),
            "while training, 1 worker process died and was replaced, 3 samples were read again");
  stats.skipped_samples = 5;
  stats.replaced_samples = 1;
  stats.last_error = "sample 3 ('a.jpg'), read by worker 0: std::runtime_error: cannot decode it";
  EXPECT_EQ(loss_summary("while testing", stats),
            "while testing, 1 worker process died and was replaced, 3 samples were read again; 6 samples could not be "
            "read: 5 left out and 1 replaced by others, the last for: sample 3 ('a.jpg'), read by worker 0: cannot "
            "decode it");
  stats.worker_deaths = 2;
  stats.skipped_samples = 0;
  stats.retried_samples = 1;
  EXPECT_EQ(loss_summary("while testing", stats),
            "while testing, 2 worker processes died and were replaced, 1 sample was read again; 1 sample could not be "
            "read: 1 replaced by others")
      << "the warning told why";
}

TEST(LossSummary, IsANoteForEachKindInAProgressLine) {
  LoaderStats stats;
  stats.worker_deaths = 2;
  stats.skipped_samples = 1;
  stats.replaced_samples = 7;
  EXPECT_THAT(loss_notes(stats), ElementsAre("2 workers died", "1 sample left out", "7 samples replaced"));
}

}  // namespace
}  // namespace millrace::loss_summary_test
