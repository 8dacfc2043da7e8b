// What goes into which shard, decided before anything is written.
#include "millrace/packing/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/packing/sample_keys.h"
#include "millrace/packing/sample_list.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::plan_test {
namespace {

using packing::make_plan;
using packing::PackOrder;
using packing::Plan;
using packing::PlanOptions;
using packing::SampleKeys;
using packing::SampleList;
using packing::SourceSample;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// `count` samples of a file of 1,000 bytes and a text.
SampleList samples_of(size_t count, int64_t time = 1) {
  SampleList samples;
  for (size_t i = 0; i < count; ++i)
    samples.add({"k" + std::to_string(i),
                 {{"jpg", "/photos/" + std::to_string(i), {}, {1000, time}, 0, 1000},
                  {"cls", {}, std::to_string(i % 3), {}, 0, 1}}});
  return samples;
}

std::vector<uint64_t> sums_of(const Plan& plan) {
  std::vector<uint64_t> sums;
  for (const auto& shard : plan.shards) sums.push_back(shard.sum);
  return sums;
}

TEST(SampleKeys, AreReadBackAsTheyAreAndNoTwoAreOne) {
  SampleKeys keys;
  EXPECT_EQ(keys.of_path("cat/1.jpg"), "cat/1");
  EXPECT_EQ(keys.of_path("cat/1.png"), "cat/1_2");
  EXPECT_EQ(keys.of_path("cat/1.jpeg"), "cat/1_3");
  EXPECT_EQ(keys.of_path("c.at/n01.10026.jpg"), "c.at/n01_10026");
  EXPECT_EQ(keys.of_path(".cache/.a.jpg"), "_cache/_a");
  EXPECT_EQ(keys.of_path("../elsewhere/b.jpg"), "b");
  EXPECT_EQ(keys.of_path("/elsewhere/b.jpg"), "b_2");
  EXPECT_EQ(keys.of_path("./dog//./2.jpg"), "dog/2");
  EXPECT_EQ(keys.of_key("dog/2"), "dog/2_2");
}

TEST(SampleList, GivesWhatItWasGiven) {
  SampleList samples;
  samples.add({"a", {{"jpg", "/x.tar", {}, {7, 8}, 512, 3}, {"cls", {}, "12", {}, 0, 2}}});
  samples.add({"b", {{"png", "/x.tar", {}, {7, 8}, 1024, 0}}});
  samples.add({"c", {}});
  ASSERT_EQ(samples.size(), 3U);
  const SourceSample a = samples[0], b = samples[1];
  EXPECT_EQ(a.key, "a");
  ASSERT_THAT(a.files, SizeIs(2));
  EXPECT_EQ(a.files[0].path, "/x.tar");
  EXPECT_EQ(a.files[0].stamp, (FileStamp{7, 8}));
  EXPECT_EQ(a.files[0].offset, 512U);
  EXPECT_EQ(a.files[0].size, 3U);
  EXPECT_EQ(a.files[1].extension, "cls");
  EXPECT_EQ(a.files[1].text, "12");
  EXPECT_EQ(a.files[1].size, 2U);
  ASSERT_THAT(b.files, SizeIs(1));
  EXPECT_EQ(b.files[0].extension, "png");
  EXPECT_EQ(b.files[0].offset, 1024U);
  EXPECT_THAT(samples[2].files, SizeIs(0));
}

TEST(Plan, HasEachSampleOnceInShardsOfTheLargestSize) {
  const SampleList samples = samples_of(100);
  const Plan plan = make_plan(samples, "out", {.shard_samples = 30});
  ASSERT_THAT(plan.shards, SizeIs(4));
  EXPECT_EQ(plan.shards[3].path, "out/shard-000003.tar");
  std::vector<size_t> all;
  for (const auto& shard : plan.shards) {
    EXPECT_LE(shard.samples.size(), 30U);
    all.insert(all.end(), shard.samples.begin(), shard.samples.end());
  }
  EXPECT_FALSE(std::is_sorted(all.begin(), all.end())) << "mixed";
  std::sort(all.begin(), all.end());
  ASSERT_THAT(all, SizeIs(100));
  for (size_t i = 0; i < all.size(); ++i) EXPECT_EQ(all[i], i);
}

TEST(Plan, CutsByBytesToo) {
  const SampleList samples = samples_of(100);
  // A file of 1,000 bytes takes 3 blocks, a label 2, and the end of a shard 2.
  const uint64_t ten = (10 * 5 + 2) * 512;
  const Plan plan = make_plan(samples, "out", {.shard_bytes = ten});
  ASSERT_THAT(plan.shards, SizeIs(10));
  for (const auto& shard : plan.shards) EXPECT_THAT(shard.samples, SizeIs(10));
  EXPECT_THAT(make_plan(samples, "out", {.shard_bytes = ten - 1}).shards.front().samples, SizeIs(9));
  EXPECT_THAT(make_plan(samples, "out", {.shard_bytes = 1}).shards, SizeIs(100));
}

TEST(Plan, IsTheSameForTheSameSamplesAndOptionsOnly) {
  const PlanOptions options{.shard_samples = 30};
  const auto sums = sums_of(make_plan(samples_of(100), "out", options));
  EXPECT_EQ(sums_of(make_plan(samples_of(100), "elsewhere", options)), sums);
  EXPECT_NE(sums_of(make_plan(samples_of(100, /*time=*/2), "out", options)), sums);
  EXPECT_NE(sums_of(make_plan(samples_of(100), "out", {.seed = 1, .shard_samples = 30})), sums);
  EXPECT_NE(sums_of(make_plan(samples_of(100), "out", {.order = PackOrder::kOfSource, .shard_samples = 30})), sums);
}

TEST(Plan, KeepsTheOrderOfTheSourceIfAsked) {
  const Plan plan = make_plan(samples_of(10), "out", {.order = PackOrder::kOfSource, .shard_samples = 4});
  EXPECT_THAT(plan.shards[1].samples, ElementsAre(4, 5, 6, 7));
}

TEST(Plan, SharesSamplesOutByFraction) {
  const Plan plan = make_plan(samples_of(1000), "out",
                              {.splits = packing::read_splits("train=0.9,val=0.05,test=0.05"), .shard_samples = 500});
  std::vector<size_t> counts(3), numbers;
  std::vector<size_t> all;
  for (const auto& shard : plan.shards) {
    counts[shard.split] += shard.samples.size();
    all.insert(all.end(), shard.samples.begin(), shard.samples.end());
  }
  EXPECT_THAT(counts, ElementsAre(900, 50, 50));
  EXPECT_EQ(plan.shards[1].path, "out/train-000001.tar");
  EXPECT_EQ(plan.shards[2].path, "out/val-000000.tar");
  std::sort(all.begin(), all.end());
  EXPECT_EQ(std::unique(all.begin(), all.end()), all.end()) << "no sample is in two splits";
  EXPECT_THAT(test::error_of<std::invalid_argument>(
                  [] { make_plan(samples_of(3), "out", {.splits = packing::read_splits("train=0.9,test=0.1")}); }),
              HasSubstr("of 3 samples the split 'test' would get none"));
}

TEST(Plan, RefusesSplitsThatAreNone) {
  const auto error = [](const char* text) {
    return test::error_of<std::invalid_argument>([&] { packing::read_splits(text); });
  };
  for (const char* text : {"", "train", "train=", "train=x", "train=0", "train=-1", "train=1.5", "train=nan"})
    EXPECT_THAT(error(text), HasSubstr("is no name with a fraction")) << text;
  for (const char* text : {"=1", "a/b=1", ".a=1", "a%d=1", "{a}=1"})
    EXPECT_THAT(error(text), HasSubstr("cannot be a part of a shard's name")) << text;
  EXPECT_THAT(error("a=0.5,a=0.5"), HasSubstr("'a' comes twice"));
  EXPECT_THAT(error("a=0.5,b=0.4"), HasSubstr("add up to 0.9"));
  EXPECT_EQ(error("a=0.1,b=0.2,c=0.7"), "no error");
}

}  // namespace
}  // namespace millrace::plan_test
