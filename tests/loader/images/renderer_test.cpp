#include "millrace/loader/images/transforms/renderer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <sstream>

#include "millrace/sharing/codec/archive.h"
#include "millrace/tests/loader/images/chains.h"

namespace millrace::transforms::renderer_test {
namespace {

using image::Box;
using image::Size;
using image::whole;
using millrace::test::blank;
using millrace::test::Bytes;
using millrace::test::crop;
using millrace::test::data_path;
using millrace::test::decode_planes;
using millrace::test::difference;
using millrace::test::golden_cases;
using millrace::test::jpeg_paths;
using millrace::test::Planes;
using millrace::test::read_bytes;
using millrace::test::render;
using millrace::test::resize;
using millrace::test::step_by_step;
using ::testing::HasSubstr;

TEST(Renderer, ResizedCropEqualsTorchvision) {
  for (const auto& golden : golden_cases("resized_crop")) {
    const auto& path = golden.name;
    const Box box = {golden.integer(0), golden.integer(1), golden.integer(2), golden.integer(3)};
    const Size size = {golden.integer(4), golden.integer(5)};
    const Planes got = resize(crop(decode_planes(data_path(path), ImageMode::kRGB), box), size);
    const auto error = difference(got.values, golden.result);
    EXPECT_LE(error.largest, 1) << path << " " << to_string(box.size()) << " to " << to_string(got.size);
    EXPECT_LE(error.mean, 0.2) << path << " " << to_string(box.size()) << " to " << to_string(got.size);
    EXPECT_EQ(error.mean, 0) << path << " " << to_string(box.size()) << " to " << to_string(got.size);
  }
}

TEST(Renderer, ResizeAndCenterCropEqualTorchvision) {
  for (const auto& golden : golden_cases("resize_center")) {
    const Planes got = render(Resize(golden.integer(0)) | CenterCrop(golden.integer(1)), data_path(golden.name));
    EXPECT_EQ(difference(got.values, golden.result).largest, 0) << golden.name;
  }
}

TEST(Renderer, AnyChainEqualsItsStepsOneByOne) {
  const std::vector<Chain> chains = {
      Chain(),
      RandomHorizontalFlip(1),
      RandomResizedCrop(64) | RandomHorizontalFlip(),
      RandomHorizontalFlip(1) | RandomResizedCrop(64),
      RandomHorizontalFlip(1) | RandomResizedCrop({40, 70}) | RandomHorizontalFlip(1),
      Resize(80) | CenterCrop(64),
      Resize(80) | CenterCrop(64) | RandomHorizontalFlip(1) | CenterCrop({30, 41}),
      Resize({50, 60}) | RandomHorizontalFlip(1) | CenterCrop({49, 31}) | RandomHorizontalFlip(1),
      CenterCrop(100) | Resize(33),
      CenterCrop(450) | RandomHorizontalFlip(1) | CenterCrop({2000, 20}),
      Resize(90) | RandomResizedCrop(64) | Resize({20, 30}) | CenterCrop({40, 10}),
      Resize(90) | RandomHorizontalFlip(1) | RandomResizedCrop(64) | RandomHorizontalFlip(),
      Resize({64, 64}) | Resize({64, 64}) | CenterCrop(70),
      Resize(80, ResizeFilter::kBicubic) | RandomHorizontalFlip(1) | CenterCrop(64),
      RandomHorizontalFlip(1) | RandomResizedCrop(300, {0.1, 0.2}, {0.5, 2}, ResizeFilter::kBicubic),
      RandomHorizontalFlip(1) | Resize({45, 300}, ResizeFilter::kNearest) | CenterCrop({44, 99}) | Resize(30),
  };
  const auto paths = jpeg_paths();
  Renderer renderer;  // One for all, as in a worker: nothing may be left over from the sample before.
  for (size_t i = 0; i < paths.size(); i += 9) {
    for (const Chain& chain : chains) {
      for (const ImageMode mode : {ImageMode::kRGB, ImageMode::kGray}) {
        ASSERT_EQ(render(renderer, chain, paths[i], mode, i), step_by_step(chain, decode_planes(paths[i], mode), i))
            << to_string(chain) << " of " << paths[i];
      }
    }
  }
}

TEST(Renderer, ChainsOfPngAndCmykEqualTheirStepsToo) {
  const Chain chain = RandomResizedCrop(48) | RandomHorizontalFlip();
  for (const char* name : {"formats/alpha.png", "formats/cmyk.jpg", "formats/one_pixel.jpg", "formats/gray.png"}) {
    EXPECT_EQ(render(chain, data_path(name)), step_by_step(chain, decode_planes(data_path(name), ImageMode::kRGB), 1))
        << name;
  }
}

TEST(Renderer, SameSeedGivesTheSameBytesAndAnotherSeedOthers) {
  const Chain chain = RandomResizedCrop(64) | RandomHorizontalFlip();
  const std::string path = jpeg_paths().back();
  EXPECT_EQ(render(chain, path, ImageMode::kRGB, 5), render(chain, path, ImageMode::kRGB, 5));
  EXPECT_NE(render(chain, path, ImageMode::kRGB, 5), render(chain, path, ImageMode::kRGB, 6));
}

TEST(Renderer, NormalizeGivesStandardizedFloats) {
  const std::string path = jpeg_paths().back();
  const Planes pixels = render(Resize({30, 41}), path);
  const Normalize step = Normalize::imagenet();
  const Chain chain = Resize({30, 41}) | step;
  std::vector<float> out(pixels.values.size());
  SampleRng rng(1);
  Renderer().render(chain, read_bytes(path), ImageMode::kRGB, rng, {30, 41}, std::as_writable_bytes(std::span(out)));
  for (size_t i = 0; i < out.size(); ++i) {
    const size_t channel = i / (30 * 41);
    const float want = (static_cast<float>(pixels.values[i]) / 255.0f - step.mean[channel]) / step.std[channel];
    ASSERT_NEAR(out[i], want, 2e-6f);
  }
}

TEST(Renderer, RefusesAPictureOfAnotherSizeThanTheBatch) {
  const Bytes file = read_bytes(data_path("formats/rgb.png"));
  std::vector<std::byte> row(3 * 10 * 12);
  SampleRng rng(1);
  try {
    Renderer().render(Chain(), file, ImageMode::kRGB, rng, {10, 12}, row);
    FAIL();
  } catch (const ImageSizeError& error) {
    EXPECT_THAT(error.what(), HasSubstr("71x93"));
    EXPECT_THAT(error.what(), HasSubstr("10x12"));
    EXPECT_THAT(error.what(), HasSubstr("RandomResizedCrop"));
  }
}

TEST(Chain, KnowsItsFieldBeforeAnyPicture) {
  const Chain pixels = Resize(256) | CenterCrop({224, 200});
  EXPECT_EQ(pixels.fixed_size(), (Size{224, 200}));
  EXPECT_EQ(pixels.field("image", ImageMode::kRGB, {224, 200}),
            (FieldSpec{"image", c10::ScalarType::Byte, {3, 224, 200}}));
  EXPECT_EQ((RandomResizedCrop(32) | Normalize({0.5f}, {0.5f})).field("x", ImageMode::kGray, {32, 32}),
            (FieldSpec{"x", c10::ScalarType::Float, {1, 32, 32}}));
  EXPECT_EQ((RandomResizedCrop({8, 16}) | Resize(4)).fixed_size(), (Size{4, 8}));
  EXPECT_EQ(Chain(Resize(256)).fixed_size(), std::nullopt);
  EXPECT_EQ(Chain(Resize(256)).output_size({300, 401}), (Size{256, 342}));
  EXPECT_EQ(Chain(Resize(256)).output_size({401, 300}), (Size{342, 256}));
}

TEST(Chain, ComesBackFromAnArchive) {
  const Chain chain = Resize({9, 8}) | CenterCrop(7) | RandomResizedCrop(6, {0.2, 0.3}) | RandomHorizontalFlip(0.25) |
                      Normalize::imagenet();
  Encoded encoded = encode(chain);
  DecodeArchive archive(encoded.bytes, encoded.fds);
  Chain copy;
  archive(copy);
  EXPECT_EQ(copy, chain);
}

TEST(Chain, RefusesParametersWithoutAMeaning) {
  EXPECT_THROW(Resize(0), std::invalid_argument);
  EXPECT_THROW(Resize({10, -1}), std::invalid_argument);
  EXPECT_THROW(CenterCrop(-3), std::invalid_argument);
  EXPECT_THROW(RandomResizedCrop(224, {0.5, 0.1}), std::invalid_argument);
  EXPECT_THROW(RandomResizedCrop(224, {0.08, 1}, {0, 1}), std::invalid_argument);
  EXPECT_THROW(RandomHorizontalFlip(1.5), std::invalid_argument);
  EXPECT_THROW(Normalize({0.5f}, {0.0f}), std::invalid_argument);
  EXPECT_THROW(Normalize({0.5f, 0.5f}, {1.0f}), std::invalid_argument);
  EXPECT_THROW(Normalize::imagenet() | RandomHorizontalFlip(), std::invalid_argument);
  EXPECT_THROW(Chain(Normalize::imagenet()).field("x", ImageMode::kGray, {1, 1}), std::invalid_argument);
}

TEST(RandomResizedCrop, DrawsBoxesInsideWithAreaAndRatioInRange) {
  SampleRng rng(2);
  const RandomResizedCrop crop(224);
  for (int i = 0; i < 10'000; ++i) {
    const Size size = {static_cast<int>(rng.integer(100, 600)), static_cast<int>(rng.integer(100, 600))};
    const Box box = crop.draw(size, rng);
    ASSERT_GE(box.y, 0);
    ASSERT_GE(box.x, 0);
    ASSERT_LE(box.y + box.height, size.height);
    ASSERT_LE(box.x + box.width, size.width);
    const double area = static_cast<double>(box.height) * box.width / (static_cast<double>(size.height) * size.width);
    ASSERT_NEAR(std::clamp(area, 0.08, 1.0), area, 0.03);
    const double ratio = static_cast<double>(box.width) / box.height;
    ASSERT_NEAR(std::clamp(ratio, 0.75, 4.0 / 3), ratio, 0.06);
  }
}

TEST(RandomResizedCrop, TakesTheMiddleWhenNoDrawFits) {
  SampleRng rng(2);
  EXPECT_EQ(RandomResizedCrop(224).draw({1000, 10}, rng), (Box{493, 0, 13, 10}));
  EXPECT_EQ(RandomResizedCrop(224).draw({10, 1000}, rng), (Box{0, 493, 10, 13}));
  EXPECT_EQ(RandomResizedCrop(224).draw({1, 1}, rng), (Box{0, 0, 1, 1}));
}

TEST(Renderer, PicturesInMemoryComeOutAsThoseInFiles) {
  const std::string path = data_path("formats/rgb.png");
  for (const ImageMode mode : {ImageMode::kRGB, ImageMode::kGray}) {
    const Planes picture = decode_planes(path, mode);
    for (const Chain& chain :
         {Chain(), Chain(RandomHorizontalFlip(1)), RandomResizedCrop(40) | RandomHorizontalFlip(),
          Pad(3) | Resize({50, 60}) | RandomErasing(1) | CenterCrop(32), Resize(30) | ColorJitter(0.5, 0.5)}) {
      Renderer renderer;
      SampleRng rng(7);
      Planes out = blank(chain.output_size(picture.size), picture.channels);
      renderer.render(chain, picture.values, picture.size, rng, out.size,
                      std::as_writable_bytes(std::span(out.values)));
      EXPECT_EQ(out, render(chain, path, mode, 7)) << to_string(chain);
    }
  }
}

}  // namespace
}  // namespace millrace::transforms::renderer_test
