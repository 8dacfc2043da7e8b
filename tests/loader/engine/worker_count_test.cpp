#include "millrace/loader/engine/worker_count.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace millrace::worker_count_test {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

TEST(WorkerCount, IsComplainedOfWhereItIsManyTimesThatOfTheProcessors) {
  EXPECT_THAT(complaint_about(500, 2),
              HasSubstr("500 workers are to share 2 processors, where num_workers 2 would do"));
  EXPECT_THAT(complaint_about(9, 1), HasSubstr("9 workers are to share one processor, where num_workers 1 would do"));
}

TEST(WorkerCount, OfAFewTimesThatManyIsNoMistake) {
  for (const int64_t workers : {0, 1, 2, 8}) EXPECT_THAT(complaint_about(workers, 1), IsEmpty()) << workers;
  EXPECT_THAT(complaint_about(256, 64), IsEmpty());
  EXPECT_THAT(complaint_about(257, 64), HasSubstr("num_workers 64 would do"));
}

}  // namespace
}  // namespace millrace::worker_count_test
