#include "millrace/loader/images/datasets/image_pairs.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/rsub.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <csignal>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/notices.h"

namespace millrace::image_pairs_test {
namespace {

using namespace millrace::transforms;
using millrace::test::Directory;
using millrace::test::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr int kSide = 12;

// A gray picture whose pixels say where they are, and a number: no two of the pictures 0 to 6 share one.
std::string pixels_of(int number) {
  std::string pixels;
  for (int i = 0; i < kSide * kSide; ++i) pixels += static_cast<char>((i + 16 * number) % 256);
  return pixels;
}

std::string gray(const std::string& pixels, int side = kSide) {
  return "P5\n" + std::to_string(side) + " " + std::to_string(side) + "\n255\n" + pixels;
}

std::string inverted(std::string pixels) {
  for (char& pixel : pixels) pixel = static_cast<char>(255 - static_cast<uint8_t>(pixel));
  return pixels;
}

// Seven pictures, and in other folders the same and what is white in the place of black.
class ImagePairsTest : public ::testing::Test {
 protected:
  ImagePairsTest() {
    for (int number = 0; number < kPictures; ++number) {
      const std::string name = "/" + std::to_string(number) + ".pgm";
      directory_.write("data" + name, gray(pixels_of(number)));
      directory_.write("same" + name, gray(pixels_of(number)));
      directory_.write("inverted" + name, gray(inverted(pixels_of(number))));
    }
  }

  ImagePairs folders(const std::string& target) const {
    return ImagePairs::in_folders(directory_.path() + "/data", directory_.path() + "/" + target).mode(ImageMode::kGray);
  }

  // Of each of the first `count` rows, the pictures of a number, with a box around one pixel of it.
  std::string manifest(int count) const {
    std::string csv = "data,target,mask,boxes\n";
    for (int i = 0; i < count; ++i) {
      const std::string name = "/" + std::to_string(i % kPictures) + ".pgm";
      const std::string x = std::to_string(i % kSide);
      const std::string x1 = std::to_string(i % kSide + 1);
      csv += "data" + name + ",inverted" + name + ",same" + name + ",\"[[" + x + ", 5, " + x1 + ", 6]]\"\n";
    }
    directory_.write("pairs.csv", csv);
    return directory_.path() + "/pairs.csv";
  }

  static constexpr int kPictures = 7;
  Directory directory_;
};

TEST_F(ImagePairsTest, GivesBothPicturesOfEachPair) {
  const ImagePairs pairs = folders("inverted");
  EXPECT_EQ(to_string(pairs.spec()), "data: Byte [1, 12, 12], target: Byte [1, 12, 12]");
  EXPECT_EQ(pairs.size(), 7U);
  EXPECT_EQ(pairs.describe(3), directory_.path() + "/data/3.pgm, " + directory_.path() + "/inverted/3.pgm");
  const Batch batch = test::read_all(pairs);
  EXPECT_TRUE(at::equal(batch.target(), at::rsub(batch.data(), 255)));
  EXPECT_EQ(batch.data()[3][0][0][1].item<uint8_t>(), 1 + 16 * 3);
}

TEST_F(ImagePairsTest, ManifestsListThemWithOrWithoutAHeader) {
  const auto expected = test::hash_of(folders("inverted"), testing::kInline);
  const auto listed = ImagePairs::in_manifest(manifest(7)).mode(ImageMode::kGray);
  EXPECT_EQ(test::hash_of(listed, testing::kInline), expected);

  std::string text, lines;
  for (int i = 0; i < kPictures; ++i) {
    const std::string name = std::to_string(i) + ".pgm";
    text += "data/" + name + " inverted/" + name + "\n";
    lines += R"({"in": "data/)" + name + R"(", "out": "inverted/)" + name + "\"}\n";
  }
  directory_.write("lists/pairs.txt", text);
  directory_.write("lists/pairs.jsonl", lines);
  const std::string root = directory_.path();
  const auto list = ImagePairs::in_manifest(root + "/lists/pairs.txt", {.root = root}).mode(ImageMode::kGray);
  EXPECT_EQ(test::hash_of(list, testing::kInline), expected);
  const auto json = ImagePairs::in_manifest(root + "/lists/pairs.jsonl", {.root = root, .data = "in", .target = "out"});
  EXPECT_EQ(test::hash_of(json.mode(ImageMode::kGray), testing::kInline), expected);
}

TEST_F(ImagePairsTest, PartnersAreFoundByTheirPathsWithoutEndings) {
  directory_.write("photos/day/one.pgm", gray(pixels_of(1)));
  directory_.write("photos/night/one.pgm", gray(pixels_of(2)));
  directory_.write("maps/night/one.PPM", "P6\n12 12\n255\n" + std::string(kSide * kSide * 3, 'n'));
  directory_.write("maps/day/one.ppm", "P6\n12 12\n255\n" + std::string(kSide * kSide * 3, 'd'));
  const auto pairs = ImagePairs::in_folders(directory_.path() + "/photos", directory_.path() + "/maps");
  EXPECT_EQ(pairs.data_path(1), directory_.path() + "/photos/night/one.pgm");
  EXPECT_EQ(pairs.target_path(1), directory_.path() + "/maps/night/one.PPM");
  EXPECT_EQ(pairs.size(), 2U);
}

// What moves pixels: each with another draw. Interpolating ones too, as both pictures of a pair are alike.
std::vector<Chain> moving_chains() {
  return {
      RandomCrop(8) | RandomHorizontalFlip() | RandomVerticalFlip(),
      RandomResizedCrop(10) | RandomHorizontalFlip(),
      Resize({9, 15}) | RandomRotation(30, Interpolation::kBilinear),
      RandomAffine({.degrees = {-20, 20}, .translate = {0.2, 0.2}, .scale = {0.8, 1.2}}),
      RandomCrop({14, 14}, Pad(2, {7}), false) | CenterCrop(10),
      RandomApply(RandomVerticalFlip() | RandomHorizontalFlip(), 0.5),
      RandomChoice({RandomVerticalFlip(1), RandomRotation(90)}),
      RandAugment(3, 15) | RandomHorizontalFlip() | Normalize({0.5F}, {0.25F}),
  };
}

TEST_F(ImagePairsTest, AlikePicturesComeOutAlikeOfEveryChain) {
  for (const Chain& chain : moving_chains()) {
    SCOPED_TRACE(to_string(chain));
    const Batch batch = test::read_all(folders("same").transform(chain));
    EXPECT_TRUE(at::equal(batch.data(), batch.target()));
  }
}

TEST_F(ImagePairsTest, BothAreColouredByTheSameDrawsUnlessToldOtherwise) {
  const Chain chain = RandomCrop(8) | ColorJitter(0.5, 0.5) | RandomErasing(0.5, {0.1, 0.3}) | RandomInvert(0.5) |
                      RandomHorizontalFlip();
  const Batch both = test::read_all(folders("same").transform(chain));
  EXPECT_TRUE(at::equal(both.data(), both.target()));
  const Batch data = test::read_all(folders("same").transform(chain).color_changes(ColorChanges::kData));
  const Batch target = test::read_all(folders("same").transform(chain).color_changes(ColorChanges::kTarget));
  EXPECT_TRUE(at::equal(data.data(), both.data()));
  EXPECT_TRUE(at::equal(target.target(), both.data()));
  EXPECT_TRUE(at::equal(data.target(), target.data()));
  EXPECT_FALSE(at::equal(data.target(), data.data()));
}

TEST_F(ImagePairsTest, ThePictureWhoseColoursStayMovesWithTheOther) {
  for (const Chain& chain : moving_chains()) {
    if (chain.dtype() == c10::ScalarType::Float) continue;
    SCOPED_TRACE(to_string(chain));
    const auto moved = folders("same").transform(chain);
    const Batch expected = test::read_all(moved);
    const Batch batch = test::read_all(moved.transform(RandomInvert(1)).color_changes(ColorChanges::kData));
    EXPECT_TRUE(at::equal(batch.target(), expected.target()));
    EXPECT_TRUE(at::equal(batch.data(), at::rsub(expected.data(), 255)));
  }
}

TEST_F(ImagePairsTest, OneMayBecomeGrayAlone) {
  const auto pairs = folders("same").mode(ImageMode::kRGB).transform(Grayscale() | ToDtype());
  EXPECT_EQ(to_string(pairs.spec()), "data: Float [1, 12, 12], target: Float [1, 12, 12]");
  EXPECT_EQ(to_string(pairs.color_changes(ColorChanges::kData).spec()),
            "data: Float [1, 12, 12], target: Float [3, 12, 12]");
  const auto batch = test::read_all(pairs.color_changes(ColorChanges::kTarget));
  EXPECT_LE(batch.data().sub(batch.target()).abs().max().item<float>(), 1);  // Weights of gray are rounded.
}

TEST_F(ImagePairsTest, DeepPicturesAreMovedAlike) {
  const auto pairs = folders("inverted")
                         .pixel_type(PixelType::kFloat32)
                         .color_changes(ColorChanges::kData)
                         .transform(RandomCrop(8) | RandomHorizontalFlip());
  const Batch batch = test::read_all(pairs);
  EXPECT_TRUE(at::equal(batch.target(), at::rsub(batch.data(), 255)));
}

TEST_F(ImagePairsTest, IsTheSameInEveryMode) {
  test::expect_the_same_in_every_mode(folders("inverted")
                                          .color_changes(ColorChanges::kTarget)
                                          .transform(RandomResizedCrop(8) | ColorJitter(0.2) | RandomHorizontalFlip()));
}

// An epoch of a thousand samples, every batch looked at by `expect`; a worker is killed in it where some are asked for.
enum class Kill { kNone, kOne };

template <class D, class Expect>
uint64_t hash_of_epoch(const D& dataset, int64_t workers, Kill kill, const Expect& expect) {
  auto loader = make_data_loader(dataset, DataLoaderOptions(25).num_workers(workers).seed(3).shuffle(true));
  testing::Hash hash;
  int64_t samples = 0;
  for (auto& batch : *loader) {
    if (samples == 0 && kill == Kill::kOne) ::kill(loader->worker_pids().front(), SIGKILL);
    samples += batch.size();
    expect(batch);
    hash.add(batch);
  }
  EXPECT_EQ(samples, 1000);
  // With others beside it, the epoch may end before its death is noticed.
  if (workers == 1) {
    EXPECT_EQ(loader->stats().worker_deaths, kill == Kill::kOne ? 1U : 0U);
  }
  return hash.value();
}

// `expect` for any number of workers and through a death, and the same batches in all.
template <class D, class Expect>
void expect_in_every_sample(const D& dataset, const Expect& expect) {
  const test::Notices quiet;
  const uint64_t inline_hash = hash_of_epoch(dataset, 0, Kill::kNone, expect);
  for (const int64_t workers : {1, 2, 5})
    EXPECT_EQ(hash_of_epoch(dataset, workers, Kill::kNone, expect), inline_hash) << workers << " workers";
  for (const int64_t workers : {1, 2}) {
    EXPECT_EQ(hash_of_epoch(dataset, workers, Kill::kOne, expect), inline_hash)
        << workers << " workers, of which one was killed";
  }
}

TEST_F(ImagePairsTest, AThousandPairsGetTheSameCropAndFlipForAnyNumberOfWorkersAndThroughACrash) {
  const auto pairs = ImagePairs::in_manifest(manifest(1000))
                         .mode(ImageMode::kGray)
                         .transform(RandomCrop(8) | RandomHorizontalFlip() | RandomVerticalFlip());
  expect_in_every_sample(pairs, [](const Batch& batch) {
    EXPECT_TRUE(at::equal(batch.target(), at::rsub(batch.data(), 255)));
    EXPECT_FALSE(at::equal(batch.data()[0], batch.data()[1]));
  });
}

TEST_F(ImagePairsTest, MasksAndBoxesOfAThousandPicturesMoveWithThemForAnyNumberOfWorkersAndThroughACrash) {
  const auto pictures = ImageManifest(manifest(1000), {.image = "data", .label = "", .boxes = "boxes", .mask = "mask"})
                            .mode(ImageMode::kGray)
                            .transform(RandomCrop(8) | RandomHorizontalFlip() | RandomVerticalFlip());
  int seen = 0;
  expect_in_every_sample(pictures, [&](const Batch& batch) {
    EXPECT_TRUE(at::equal(batch.data(), batch["mask"]));
    for (int64_t row = 0; row < batch.size(); ++row) {
      const auto* const box = batch["boxes"][row].const_data_ptr<float>();
      if (box[2] - box[0] != 1 || box[3] - box[1] != 1) continue;  // Outside the crop.
      ++seen;
      const int64_t i = batch.indices()[static_cast<size_t>(row)];
      const int64_t marked = i % kSide + 5 * kSide + 16 * (i % 7);  // The pixel in pixels_of().
      EXPECT_EQ(batch.data()[row][0][static_cast<int64_t>(box[1])][static_cast<int64_t>(box[0])].item<uint8_t>(),
                marked % 256);
    }
  });
  EXPECT_GT(seen, 1000) << "hardly a crop had its box";
}

TEST_F(ImagePairsTest, PicturesWithoutAPartnerAreNamed) {
  directory_.write("inverted/more.pgm", gray(pixels_of(0)));
  const std::string data = directory_.path() + "/data", target = directory_.path() + "/inverted";
  EXPECT_EQ(error_of([&] { ImagePairs::in_folders(data, target); }),
            "image_pairs: 1 of 8 pictures in '" + target + "' has no partner of its name in '" + data +
                "', the first is 'more.pgm': add the partners or remove them, or list the pairs in a manifest");
  EXPECT_THAT(error_of([&] { ImagePairs::in_folders(target, data); }), HasSubstr("1 of 8 pictures in '" + target));
  directory_.write("inverted/3.png", "");
  EXPECT_THAT(error_of([&] { ImagePairs::in_folders(data, target); }),
              AllOf(StartsWith("image_pairs: two pictures in '" + target), HasSubstr("'3.pgm' and '3.png': remove")));
}

TEST_F(ImagePairsTest, ErrorsNameTheFileThatIsToBlame) {
  const auto pairs = folders("inverted").transform(RandomCrop(4));
  const auto error = [&] { return error_of([&] { test::read_all(pairs); }); };
  const std::string target = directory_.path() + "/inverted/2.pgm";
  directory_.write("inverted/2.pgm", "P5\n12 12\n255\nshort");
  EXPECT_THAT(error(), AllOf(HasSubstr("cannot read '" + target + "': "), HasSubstr("truncated")));
  directory_.write("inverted/2.pgm", gray(std::string(100, 'x'), 10));
  EXPECT_THAT(error(), AllOf(HasSubstr("cannot read the pair '" + directory_.path() + "/data/2.pgm', '" + target),
                             HasSubstr("data is 12x12 (height x width) and target 10x10: resize the files")));
  std::filesystem::remove(target);
  EXPECT_THAT(error(), HasSubstr("cannot read '" + target + "': No such file"));
}

TEST_F(ImagePairsTest, WhatFitsOnlyOneOfThemIsRefused) {
  const auto pairs = folders("same").transform(Grayscale(3) | Normalize({0.5F, 0.5F, 0.5F}, {1.F, 1.F, 1.F}));
  EXPECT_EQ(to_string(pairs.spec()), "data: Float [3, 12, 12], target: Float [3, 12, 12]");
  EXPECT_THAT(error_of([&] { pairs.color_changes(ColorChanges::kData).spec(); }), StartsWith("Normalize: "));
  const auto lambda = [](at::Tensor picture, SampleRng&) { return picture.slice(1, 0, 5); };
  const auto cut = folders("same").transform(Lambda(lambda, Lambda::Shape{1, {5, 12}}));
  EXPECT_EQ(test::read_all(cut).target().size(2), 5);
  EXPECT_THAT(error_of([&] { test::read_all(cut.color_changes(ColorChanges::kData)); }),
              HasSubstr("cannot move what belongs to it"));
}

}  // namespace
}  // namespace millrace::image_pairs_test
