#include "millrace/showing/read_statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "millrace/showing/statistics_text.h"
#include "millrace/tests/showing/tasks.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/npy.h"

namespace millrace::statistics_test {
namespace {

using namespace showing;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pair;
using testing::SizeIs;

Statistics statistics_of(const configs::Node& run, const StatisticsWatchers& watchers = {}) {
  return read_statistics(test::data_of(run), Extent::kSome, watchers);
}

TEST(Statistics, CountClassesSizesAndValues) {
  const test::Directory folder;
  const Statistics found = statistics_of(test::classes_run(folder));
  EXPECT_EQ(found.samples, 5);
  EXPECT_EQ(found.read, 4);
  EXPECT_THAT(found.classes, ElementsAre(Pair(0, 1), Pair(1, 3)));
  EXPECT_EQ(class_name(found, 1), "red");
  ASSERT_THAT(found.pictures, SizeIs(1));
  EXPECT_EQ(found.pictures[0].sizes, (std::map<PictureSize, int64_t>{{{40, 20}, 3}, {{10, 30}, 1}}));
  ASSERT_THAT(found.pictures[0].channels, SizeIs(3));
  // 2400 pixels are (200, 0, 0), and 300 are (0, 0, 200).
  const double red = 200 * 2400.0 / 2700, blue = 200 * 300.0 / 2700;
  EXPECT_DOUBLE_EQ(found.pictures[0].channels[0].mean, red);
  EXPECT_DOUBLE_EQ(found.pictures[0].channels[1].mean, 0);
  EXPECT_DOUBLE_EQ(found.pictures[0].channels[2].mean, blue);
  EXPECT_NEAR(found.pictures[0].channels[0].deviation, std::sqrt(200 * red - red * red), 1e-9);
}

TEST(Statistics, NameWhatCannotBeRead) {
  const test::Directory folder;
  const Statistics found = statistics_of(test::classes_run(folder));
  EXPECT_EQ(found.broken_count, 1);
  ASSERT_THAT(found.broken, SizeIs(1));
  EXPECT_EQ(found.broken[0].index, 1);
  EXPECT_THAT(found.broken[0].name, HasSubstr("blue/e.png"));
  EXPECT_THAT(found.broken[0].error, HasSubstr("not an image"));
  EXPECT_THAT(lines_of(found), Contains(HasSubstr("cannot be read: #1 ")));
}

TEST(Statistics, AreTheSameWithWorkers) {
  const test::Directory folder;
  const Statistics found = read_statistics(
      test::data_of(configs::load(test::classes_run(folder).value(), {"loader.num_workers=2"})), Extent::kAll, {});
  EXPECT_EQ(found.read, 4);
  EXPECT_EQ(found.broken_count, 1);
  EXPECT_EQ(found.pictures[0].sizes.size(), 2u);
}

TEST(Statistics, EndEarlyWithWhatIsKnown) {
  const test::Directory folder;
  for (int i = 0; i < 100; ++i) folder.write("x/" + std::to_string(i) + ".png", test::square_at(8, 8, 0, 0, 4));
  const auto run = test::run_of("{dataset: {type: image_folder, root: DATA}, loader: {batch_size: 4}}", folder);
  int asked = 0;
  int64_t told = 0;
  const Statistics found = statistics_of(run, {[&](int64_t done, int64_t of) {
                                                 told = done;
                                                 EXPECT_EQ(of, 100);
                                               },
                                               [&] { return ++asked <= 2; }});
  EXPECT_TRUE(found.is_stopped);
  EXPECT_EQ(found.read, 64) << "two batches of 32";
  EXPECT_EQ(told, 64);
  EXPECT_EQ(found.broken_count, 0) << "what was not reached is not missing";
  EXPECT_THAT(first_line_of(found), HasSubstr("64 samples read of 100, stopped before the end"));
}

TEST(Statistics, OfManySamplesAreOfSomeThatAreEvenlySpread) {
  const test::Directory folder;
  folder.write("tokens.bin", std::string(2 * 30'001, 'a'));
  const auto run = test::run_of(
      "{dataset: {type: tokens, path: DATA/tokens.bin, length: 1, stride: 1}, loader: {batch_size: 1}}", folder);
  const Statistics some = statistics_of(run);
  EXPECT_EQ(some.read, 10'000);
  EXPECT_EQ(some.samples, 30'000);
  const Statistics all = read_statistics(test::data_of(run), Extent::kAll, {});
  EXPECT_EQ(all.read, 30'000);
}

TEST(Statistics, HaveTheSharesOfMasks) {
  const test::Directory folder;
  const Statistics found = statistics_of(test::masks_run(folder));
  EXPECT_NEAR(found.mask_shares.at(1), 0.25, 0.02) << "40 x 40 of 80 x 80";
  EXPECT_NEAR(found.mask_shares.at(0), 0.75, 0.02);
}

TEST(Statistics, HaveBothPicturesOfPairs) {
  const test::Directory folder;
  const Statistics found = statistics_of(test::pairs_run(folder));
  ASSERT_THAT(found.pictures, SizeIs(2));
  EXPECT_EQ(found.pictures[1].column, "target");
  EXPECT_EQ(found.pictures[1].sizes, (std::map<PictureSize, int64_t>{{{64, 64}, 4}}));
  EXPECT_LT(found.pictures[0].channels[2].mean, found.pictures[1].channels[2].mean) << "targets are blue";
}

TEST(Statistics, HaveTheRangeOfNumbers) {
  const test::Directory folder;
  const Statistics found = statistics_of(test::tokens_run(folder));
  ASSERT_THAT(found.numbers, SizeIs(2));
  EXPECT_EQ(found.numbers[0].looks, "Long [100]");
  EXPECT_EQ(found.numbers[0].least, 0);
  EXPECT_EQ(found.numbers[0].most, 999);
  EXPECT_EQ(found.numbers[1].most, 1000) << "the target is a token further";
}

constexpr const char* kVectorsRun =
    "{dataset: {type: npy, paths: [DATA/x.npy], names: [x]}, sampler: {type: sequential}, loader: {batch_size: 2}}";

TEST(Statistics, LeaveNumbersThatAreNotFiniteOutOfTheRangeAndCountTheirSamples) {
  const test::Directory folder;
  folder.write("x.npy", test::npy_of_floats("4, 2", {1, -2, NAN, 3, -INFINITY, INFINITY, 0, 8}));
  const Statistics found = statistics_of(test::run_of(kVectorsRun, folder));
  ASSERT_THAT(found.numbers, SizeIs(1));
  EXPECT_EQ(found.numbers[0].least, -2);
  EXPECT_EQ(found.numbers[0].most, 8);
  EXPECT_EQ(found.numbers[0].mean, 2);
  EXPECT_THAT(lines_of(found), Contains("x: Float [2], -2 to 8, mean 2; 2 samples have NaN or infinite numbers, the "
                                        "first is #1 " +
                                        folder.path() + "/x.npy[1]"));
}

TEST(Statistics, SayWhereNoNumberIsFinite) {
  const test::Directory folder;
  folder.write("x.npy", test::npy_of_floats("1, 2", {NAN, NAN}));
  EXPECT_THAT(lines_of(statistics_of(test::run_of(kVectorsRun, folder))),
              Contains(HasSubstr("x: Float [2], no finite number; 1 sample has NaN or infinite numbers")));
}

TEST(Statistics, OfDeepPicturesAreOfTheirUpperBits) {
  const test::Directory folder;
  folder.copy("manifests/deep.png", "x/deep.png");
  const Statistics found = statistics_of(test::run_of(
      "{dataset: {type: image_folder, root: DATA, mode: gray, pixel_type: uint16}, loader: {batch_size: 1}}", folder));
  EXPECT_EQ(found.broken_count, 0);
  ASSERT_THAT(found.pictures, SizeIs(1));
  EXPECT_THAT(found.pictures[0].channels, SizeIs(1));
}

TEST(SizeRange, HasTheSizeInTheMiddle) {
  const SizeRange range = range_of({{{10, 10}, 1}, {{20, 20}, 5}, {{4000, 3000}, 1}});
  EXPECT_EQ(range.least, (PictureSize{10, 10}));
  EXPECT_EQ(range.middle, (PictureSize{20, 20}));
  EXPECT_EQ(range.most, (PictureSize{4000, 3000}));
}

}  // namespace
}  // namespace millrace::statistics_test
