#include "millrace/showing/shown_samples.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/plots/palette.h"
#include "millrace/plots/picture.h"
#include "millrace/showing/sheet.h"
#include "millrace/tests/showing/tasks.h"
#include "millrace/tests/support/directory.h"

namespace millrace::shown_samples_test {
namespace {

using namespace showing;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;

plots::Rgb pixel(const plots::Picture& picture, int x, int y) {
  const uint8_t* const channels = picture.pixels.data() + 3 * (y * picture.width + x);
  return {channels[0], channels[1], channels[2]};
}

std::ptrdiff_t pixels_of(const plots::Picture& picture, plots::Rgb colour) {
  std::ptrdiff_t count = 0;
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) count += pixel(picture, x, y) == colour;
  return count;
}

std::vector<int64_t> indices_of(const std::vector<ShownSample>& samples) {
  std::vector<int64_t> indices;
  for (const ShownSample& sample : samples) indices.push_back(sample.index);
  return indices;
}

TEST(ShownSamples, AreThoseThatTrainingBeginsWith) {
  const test::Directory folder;
  const auto run = test::classes_run(folder);
  auto split = training::open_split(run, {c10::kCPU, 0, /*shuffle=*/true, &test::types()});
  std::vector<int64_t> trained;
  while (const auto batch = split.loader->next())
    trained.insert(trained.end(), batch->indices().begin(), batch->indices().end());
  const Shown shown = read_samples(test::data_of(run), {16, 1});
  EXPECT_EQ(indices_of(shown.samples), trained);
  EXPECT_THAT(shown.samples, SizeIs(4)) << "one of the five files is no picture";
  EXPECT_THAT(read_samples(test::data_of(run), {3, 1}).samples, SizeIs(3));
}

TEST(ShownSamples, StandInTheFilesOrderWhereNothingIsTrained) {
  const test::Directory folder;
  test::classes_run(folder);
  const auto run = test::run_of(
      "{test: {dataset: {type: image_folder, root: DATA}, transforms: [resize: {size: [8, 8]}], loader: {batch_size: "
      "2, on_error: skip}}}",
      folder);
  EXPECT_THAT(indices_of(read_samples(test::data_of(run, Part::kTest), {16, 1}).samples), ElementsAre(0, 2, 3, 4));
}

TEST(ShownSamples, HaveThePictureInItsFileBesideWhatTheTrainerGets) {
  const test::Directory folder;
  const Shown shown = read_samples(test::data_of(test::classes_run(folder)), {16, 1});
  for (const ShownSample& sample : shown.samples) {
    const bool is_red = sample.name.find("/red/") != sample.name.npos;
    EXPECT_EQ(sample.caption, is_red ? "red" : "blue");
    EXPECT_EQ(sample.raw_size, is_red ? "40 x 20" : "10 x 30");
    EXPECT_EQ(sample.seen_size, "8 x 8");
    ASSERT_THAT(sample.raw, SizeIs(1));
    const plots::Picture& raw = sample.raw[0].picture;
    EXPECT_EQ(raw.width, is_red ? 40 : 10);
    EXPECT_EQ(raw.height, is_red ? 20 : 30);
    EXPECT_EQ(pixels_of(raw, is_red ? test::kRed : test::kBlue), raw.width * raw.height);
    ASSERT_THAT(sample.seen, SizeIs(1));
    EXPECT_EQ(pixels_of(sample.seen[0].picture, is_red ? test::kRed : test::kBlue), 8 * 8);
    EXPECT_THAT(sample.facts, ElementsAre(Fact("label", is_red ? "1 (red)" : "0 (blue)")));
  }
}

TEST(ShownSamples, AreDrawnAgainAsInFurtherEpochs) {
  const test::Directory folder;
  for (const char* name : {"a", "b", "c", "d"})
    folder.write("x/" + std::string(name) + ".png", test::square_at(32, 32, 0, 0, 8));
  const auto run = test::run_of(
      "{dataset: {type: image_folder, root: DATA}, transforms: [random_horizontal_flip], loader: {batch_size: 4}}",
      folder);
  const Shown shown = read_samples(test::data_of(run), {4, 4});
  int flipped = 0, same = 0;
  for (const ShownSample& sample : shown.samples) {
    ASSERT_THAT(sample.seen, SizeIs(4));
    for (const plots::Exhibit& seen : sample.seen) ++(pixel(seen.picture, 0, 0) == test::kRed ? same : flipped);
  }
  EXPECT_GT(flipped, 0);
  EXPECT_GT(same, 0);
}

TEST(ShownSamples, HaveBoxesWhereTheyAreInFileAndBatch) {
  const test::Directory folder;
  const Shown shown = read_samples(test::data_of(test::boxes_run(folder)), {4, 1});
  for (const ShownSample& sample : shown.samples) {
    const double left = 20.0 + 60 * static_cast<double>(sample.index);
    ASSERT_THAT(sample.raw[0].boxes, SizeIs(1));
    const plots::LabelledBox& raw = sample.raw[0].boxes[0];
    EXPECT_NEAR(raw.left, left * 256 / 400, 0.01) << "reduced from 400 to 256 pixels";
    EXPECT_NEAR(raw.bottom, 120.0 * 256 / 400, 0.01);
    const plots::LabelledBox& seen = sample.seen[0].boxes[0];
    EXPECT_NEAR(seen.left, (400 - left - 80) / 2, 0.01) << "flipped, and half as large";
    EXPECT_NEAR(seen.right, (400 - left) / 2, 0.01);
  }
}

TEST(ShownSamples, HaveMasksThatLieOnWhatTheyAreOf) {
  const test::Directory folder;
  const Shown shown = read_samples(test::data_of(test::masks_run(folder)), {4, 1});
  const auto covers = [](const plots::Exhibit& exhibit) {
    for (int y = 0; y < exhibit.picture.height; ++y)
      for (int x = 0; x < exhibit.picture.width; ++x)
        if ((exhibit.mask[static_cast<size_t>(y * exhibit.picture.width + x)] == 1) !=
            (pixel(exhibit.picture, x, y) == test::kRed))
          return false;
    return true;
  };
  for (const ShownSample& sample : shown.samples) {
    EXPECT_EQ(sample.raw[0].picture.width, 80);
    EXPECT_TRUE(covers(sample.raw[0]));
    EXPECT_EQ(sample.seen[0].picture.width, 60);
    EXPECT_TRUE(covers(sample.seen[0]));
  }
}

TEST(ShownSamples, HavePairsSideBySide) {
  const test::Directory folder;
  const Shown shown = read_samples(test::data_of(test::pairs_run(folder)), {4, 1});
  for (const ShownSample& sample : shown.samples) {
    const plots::Picture &raw = sample.raw[0].picture, &seen = sample.seen[0].picture;
    const int at = 8 * static_cast<int>(sample.index);
    EXPECT_EQ(pixel(raw, at, at), test::kRed);
    EXPECT_EQ(pixel(raw, 64 + at, at), test::kBlue);
    EXPECT_EQ(pixel(seen, 63 - at, at), test::kRed) << "flipped";
    EXPECT_EQ(pixel(seen, 127 - at, at), test::kBlue);
  }
}

TEST(ShownSamples, OfTokensAreTheirNumbers) {
  const test::Directory folder;
  const Shown shown = read_samples(test::data_of(test::tokens_run(folder)), {2, 1});
  ASSERT_THAT(shown.samples, SizeIs(2));
  EXPECT_THAT(shown.samples[1].seen, SizeIs(0));
  EXPECT_EQ(shown.samples[1].facts[0].first, "data");
  EXPECT_THAT(shown.samples[1].facts[0].second, HasSubstr("Long [100]: 100 101 102"));
  EXPECT_THAT(shown.samples[1].facts[1].second, HasSubstr("Long [100]: 101 102 103"));
}

TEST(ShownSamples, TellOfBatchesThatTheTrainerWouldNotGet) {
  const test::Directory folder;
  test::classes_run(folder);
  const auto run = test::run_of(
      "{dataset: {type: image_folder, root: DATA}, transforms: [resize: {size: [8, 8]}], sampler: {type: sequential}, "
      "loader: {batch_size: 2}}",
      folder);
  const Shown shown = read_samples(test::data_of(run), {16, 1});
  EXPECT_THAT(indices_of(shown.samples), ElementsAre(2, 3, 4)) << "0 was in the batch of the broken file";
  ASSERT_THAT(shown.lost, SizeIs(1));
  EXPECT_THAT(shown.lost[0], HasSubstr("blue/e.png"));
}

TEST(Sheet, HasThePictureInItsFileCloseToWhatComesOfIt) {
  const test::Directory folder;
  const auto sheet = sheet_of(read_samples(test::data_of(test::classes_run(folder)), {16, 1}));
  // Red of 40 x 20 is enlarged by 6, and of 8 x 8 by 32.
  EXPECT_EQ(pixels_of(sheet, test::kRed), 3 * (240 * 120 + 256 * 256));
  EXPECT_EQ(pixels_of(sheet, test::kBlue), 80 * 240 + 256 * 256);
}

TEST(Sheet, OfWhatIsNoPictureIsText) {
  const test::Directory folder;
  const auto sheet = sheet_of(read_samples(test::data_of(test::tokens_run(folder)), {3, 1}));
  EXPECT_GT(pixels_of(sheet, plots::hue_of(0).on_light), 1000) << "names";
  EXPECT_GT(pixels_of(sheet, {0x20, 0x20, 0x1F}), 10'000) << "numbers";
}

}  // namespace
}  // namespace millrace::shown_samples_test
