#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>
#include <sstream>

#include "millrace/sharing/codec/archive.h"
#include "millrace/tests/loader/images/chains.h"

namespace millrace::transforms::pixel_transforms_test {
namespace {

using image::Box;
using image::Size;
using millrace::test::blank;
using millrace::test::blur;
using millrace::test::Bytes;
using millrace::test::data_path;
using millrace::test::decode_planes;
using millrace::test::difference;
using millrace::test::erase;
using millrace::test::flip_vertical;
using millrace::test::golden_cases;
using millrace::test::GoldenCase;
using millrace::test::gray;
using millrace::test::jpeg_paths;
using millrace::test::pad;
using millrace::test::Planes;
using millrace::test::read_bytes;
using millrace::test::render;
using millrace::test::sharpen;
using millrace::test::step_by_step;
using millrace::test::transform_affine;
using millrace::test::view;
using ::testing::HasSubstr;

Planes apply(const GoldenCase& golden, const Planes& picture) {
  const auto& n = golden.numbers;
  const auto whole_number = [&](size_t i) { return golden.integer(i); };
  Planes result = picture;
  if (golden.name == "adjust_brightness") image::adjust_brightness(view(result), n[0]);
  if (golden.name == "adjust_contrast") image::adjust_contrast(view(result), n[0]);
  if (golden.name == "adjust_saturation") image::adjust_saturation(view(result), n[0]);
  if (golden.name == "adjust_hue") image::adjust_hue(view(result), n[0]);
  if (golden.name == "rgb_to_grayscale") result = gray(picture, whole_number(0));
  if (golden.name == "vertical_flip") result = flip_vertical(picture);
  if (golden.name == "gaussian_blur") result = blur(picture, {whole_number(0), whole_number(1)}, n[2]);
  if (golden.name == "pad") {
    const image::Borders borders = {whole_number(1), whole_number(2), whole_number(3), whole_number(4)};
    result = pad(picture, Pad(borders, {9, 80, 200}, static_cast<PadMode>(n[0])));
  }
  if (golden.name == "erase") {
    const auto value = [&](size_t i) { return static_cast<uint8_t>(n[i]); };
    result = erase(picture, {whole_number(0), whole_number(1), whole_number(2), whole_number(3)},
                   {value(4), value(5), value(6)});
  }
  if (golden.name == "invert") image::invert(view(result));
  if (golden.name == "posterize") image::posterize(view(result), whole_number(0));
  if (golden.name == "solarize") image::solarize(view(result), n[0]);
  if (golden.name == "autocontrast") image::autocontrast(view(result));
  if (golden.name == "equalize") image::equalize(view(result));
  if (golden.name == "adjust_sharpness") result = sharpen(picture, n[0]);
  if (golden.name == "resize")
    result = test::resize(picture, {whole_number(1), whole_number(2)}, static_cast<image::ResizeFilter>(n[0]));
  if (golden.name == "affine") {
    const image::Affine affine = {n[0], {n[1], n[2]}, n[3], {n[4], n[5]}, {{n[6], n[7]}}};
    const std::vector<uint8_t> fill(n.begin() + 9, n.end());
    result = transform_affine(picture, affine, static_cast<image::Interpolation>(n[8]), fill);
  }
  return result;
}

TEST(PixelOperations, EqualTorchvision) {
  const std::vector<GoldenCase> cases = golden_cases("operations");
  Planes picture = blank({32, 40}, 3);
  picture.values = cases.front().result;
  std::map<std::string, int> seen;
  for (const GoldenCase& one : cases) {
    std::ostringstream what;
    what << one.name << ::testing::PrintToString(one.numbers);
    SCOPED_TRACE(what.str());
    ++seen[one.name];
    const Planes got = apply(one, picture);
    ASSERT_EQ(got.values.size(), one.result.size());
    const auto error = difference(got.values, one.result);
    const std::set<std::string> exact_operations = {"pad",      "vertical_flip", "erase",    "invert", "posterize",
                                                    "solarize", "autocontrast",  "equalize", "resize"};
    const bool nearest = one.name == "affine" && one.numbers[8] == 0;
    const bool exact = nearest || exact_operations.contains(one.name);
    EXPECT_LE(error.largest, exact ? 0 : 1);
    EXPECT_LE(error.mean, 0.05);  // Where torchvision's fused multiply-add falls on the other side of a whole number.
  }
  EXPECT_EQ(seen.size(), 18U);
}

TEST(Renderer, ChainsThatChangePixelsEqualTheirStepsOneByOne) {
  const std::vector<Chain> chains = {
      RandomVerticalFlip(1),
      RandomVerticalFlip() | RandomHorizontalFlip() | RandomVerticalFlip(),
      Pad(5) | RandomHorizontalFlip(1) | Pad(image::Borders{1, 2, 3, 4}, {200}, PadMode::kReflect),
      RandomCrop(40) | ColorJitter(0.4, 0.4, 0.4, 0.1) | RandomHorizontalFlip(1) | RandomCrop(30),
      RandomHorizontalFlip(1) | RandomCrop({30, 500}, Pad(4, {7}, PadMode::kEdge), true),
      RandomCrop(64) | Grayscale(3) | ColorJitter(0.5, 0.5) | RandomErasing(1, {0.1, 0.2}),
      RandomCrop(64) | Grayscale() | Pad(3) | RandomHorizontalFlip(1) | RandomVerticalFlip(1),
      RandomCrop(64) | Grayscale() | RandomHorizontalFlip(1) | Grayscale(3) | GaussianBlur(5),
      RandomCrop(64) | RandomGrayscale(0.5) | GaussianBlur({3, 7}) | RandomErasing() | RandomHorizontalFlip(),
      ColorJitter() | RandomCrop(9),
  };
  const auto paths = jpeg_paths();
  Renderer renderer;  // One for all, as in a worker: nothing may be left over from the sample before.
  for (size_t i = 0; i < paths.size(); i += 9) {
    for (const Chain& chain : chains) {
      for (const ImageMode mode : {ImageMode::kRGB, ImageMode::kGray}) {
        if (decode_planes(paths[i], mode).size.height < 70) continue;  // Smaller than the crops.
        ASSERT_EQ(render(renderer, chain, paths[i], mode, i), step_by_step(chain, decode_planes(paths[i], mode), i))
            << to_string(chain) << " of " << paths[i];
      }
    }
  }
}

TEST(Renderer, ToDtypeGivesFloatsOfTheSamePixels) {
  const std::string path = jpeg_paths().back();
  Renderer renderer;
  const Chain pixels = Resize({30, 41}) | RandomVerticalFlip(1);
  const Planes want = render(renderer, pixels, path, ImageMode::kRGB, 1);
  for (const bool scale : {false, true}) {
    const Chain chain = pixels | ToDtype(c10::ScalarType::Float, scale);
    EXPECT_EQ(chain.dtype(), c10::ScalarType::Float);
    std::vector<float> out(want.values.size());
    SampleRng rng(1);
    renderer.render(chain, read_bytes(path), ImageMode::kRGB, rng, {30, 41}, std::as_writable_bytes(std::span(out)));
    for (size_t i = 0; i < out.size(); ++i)
      ASSERT_EQ(out[i], static_cast<float>(want.values[i]) * (scale ? 1.0f / 255 : 1.0f));
  }
}

TEST(Renderer, NormalizeTakesThePixelsThatStepsBeforeItChanged) {
  const std::string path = jpeg_paths().back();
  Renderer renderer;
  const Chain pixels = Resize({30, 41}) | ColorJitter(0.5) | RandomErasing(1, {0.2, 0.3}, {1, 1}, {124, 116, 104});
  const Planes want = render(renderer, pixels, path, ImageMode::kRGB, 8);
  std::vector<float> out(want.values.size());
  SampleRng rng(8);
  renderer.render(pixels | Normalize({0.0f}, {1.0f}), read_bytes(path), ImageMode::kRGB, rng, {30, 41},
                  std::as_writable_bytes(std::span(out)));
  for (size_t i = 0; i < out.size(); ++i) ASSERT_NEAR(out[i], static_cast<float>(want.values[i]) / 255, 1e-6);
}

TEST(Chain, FieldsFollowGrayscaleAndBorders) {
  const Chain gray = RandomCrop(32) | Grayscale() | Pad(2);
  EXPECT_EQ(gray.fixed_size(), (Size{36, 36}));
  EXPECT_EQ(gray.field("x", ImageMode::kRGB, {36, 36}), (FieldSpec{"x", c10::ScalarType::Byte, {1, 36, 36}}));
  EXPECT_EQ(Chain(Grayscale(3)).output_channels(ImageMode::kGray), 3);
  EXPECT_EQ(Chain(Pad(image::Borders{1, 2, 3, 4})).output_size({10, 20}), (Size{16, 24}));
  EXPECT_EQ(Chain(Pad(1)).fixed_size(), std::nullopt);
  EXPECT_THROW((Grayscale() | Normalize::imagenet()).field("x", ImageMode::kRGB, {1, 1}), std::invalid_argument);
  EXPECT_THROW(Chain(Pad(1, {1, 2, 3})).field("x", ImageMode::kGray, {1, 1}), std::invalid_argument);
  EXPECT_THROW(Chain(RandomErasing(1, {0, 1}, {1, 1}, {1, 2, 3})).field("x", ImageMode::kGray, {1, 1}),
               std::invalid_argument);
}

TEST(Chain, OfPixelTransformsComesBackFromAnArchive) {
  const Chain chain = RandomVerticalFlip(0.25) | Pad(image::Borders{1, 2, 3, 4}, {5, 6, 7}, PadMode::kSymmetric) |
                      RandomCrop({8, 9}, Pad(2, {3}, PadMode::kEdge), true) |
                      ColorJitter({0.5, 2}, {0, 1}, {1, 3}, {-0.1, 0.2}) | Grayscale(3) | RandomGrayscale(0.75) |
                      GaussianBlur({3, 5}, {0.5, 0.6}) | RandomErasing(0.125, {0.1, 0.2}, {0.5, 3}, {9, 8, 7}) |
                      ToDtype(c10::ScalarType::Float, true);
  Encoded encoded = encode(chain);
  DecodeArchive archive(encoded.bytes, encoded.fds);
  Chain copy;
  archive(copy);
  EXPECT_EQ(copy, chain);
}

TEST(Chain, RefusesParametersOfPixelTransformsWithoutAMeaning) {
  EXPECT_THROW(RandomVerticalFlip(-0.1), std::invalid_argument);
  EXPECT_THROW(Pad(-1), std::invalid_argument);
  EXPECT_THROW(Pad(1, {1, 2}), std::invalid_argument);
  EXPECT_THROW(RandomCrop(0), std::invalid_argument);
  EXPECT_THROW(ColorJitter(-0.5), std::invalid_argument);
  EXPECT_THROW(ColorJitter({-0.5, 1}, {1, 1}), std::invalid_argument);
  EXPECT_THROW(ColorJitter({1, 1}, {2, 1}), std::invalid_argument);
  EXPECT_THROW(ColorJitter(0, 0, 0, 0.6), std::invalid_argument);
  EXPECT_THROW(ColorJitter(std::nan("")), std::invalid_argument);
  EXPECT_THROW(Grayscale(2), std::invalid_argument);
  EXPECT_THROW(RandomGrayscale(2), std::invalid_argument);
  EXPECT_THROW(GaussianBlur(4), std::invalid_argument);
  EXPECT_THROW(GaussianBlur(3, {0, 1}), std::invalid_argument);
  EXPECT_THROW(RandomErasing(0.5, {0.5, 1.5}), std::invalid_argument);
  EXPECT_THROW(RandomErasing(0.5, {0.1, 0.2}, {0, 1}), std::invalid_argument);
  EXPECT_THROW(ToDtype{c10::ScalarType::Half}, std::invalid_argument);
  EXPECT_THROW(ToDtype{c10::ScalarType::Float} | Normalize::imagenet(), std::invalid_argument);
}

TEST(Pad, RefusesToMirrorMoreThanThereIs) {
  Planes picture = blank({4, 9}, 3);
  EXPECT_EQ(pad(picture, Pad(3, {0}, PadMode::kReflect)).size, (Size{10, 15}));
  EXPECT_EQ(pad(picture, Pad(4, {0}, PadMode::kSymmetric)).size, (Size{12, 17}));
  EXPECT_THROW(pad(picture, Pad(4, {0}, PadMode::kReflect)), std::invalid_argument);
  EXPECT_THROW(pad(picture, Pad(5, {0}, PadMode::kSymmetric)), std::invalid_argument);
  EXPECT_THROW(blur(picture, {9, 3}, 1), std::invalid_argument);
}

TEST(RandomCrop, DrawsEveryPositionEquallyOften) {
  SampleRng rng(3);
  std::map<std::pair<int, int>, int> seen;
  for (int i = 0; i < 12'000; ++i) {
    const Box box = RandomCrop({5, 7}).draw({8, 9}, rng);
    ASSERT_EQ(box.size(), (Size{5, 7}));
    ++seen[{box.y, box.x}];
  }
  ASSERT_EQ(seen.size(), 12U);
  for (const auto& [position, count] : seen) EXPECT_NEAR(count, 1000, 150);
  EXPECT_EQ(RandomCrop(4).draw({4, 4}, rng), (Box{0, 0, 4, 4}));
}

TEST(RandomCrop, PadsSmallPicturesAtBothSidesOrRefusesThem) {
  EXPECT_EQ(RandomCrop(32, Pad(4), true).borders({30, 10}), (image::Borders{18, 4, 18, 4}));
  EXPECT_EQ(RandomCrop(32, Pad(4)).borders({24, 40}), (image::Borders{4, 4, 4, 4}));
  try {
    RandomCrop(32, Pad(4)).borders({23, 40});
    FAIL();
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("31x48"));
    EXPECT_THAT(error.what(), HasSubstr("32x32"));
    EXPECT_THAT(error.what(), HasSubstr("pad_if_needed"));
  }
}

TEST(ColorJitter, DrawsUniformAmountsInEveryOrder) {
  using Change = ColorJitter::Change;
  const ColorJitter step(0.5, 0, 3, 0.1);
  EXPECT_EQ(step, ColorJitter({0.5, 1.5}, {1, 1}, {0, 4}, {-0.1, 0.1}));
  SampleRng rng(4);
  std::map<std::array<Change, 4>, int> orders;
  constexpr int kDraws = 24'000;
  double sum = 0;
  double least = 9;
  double most = 0;
  for (int i = 0; i < kDraws; ++i) {
    const auto drawn = step.draw(rng);
    ++orders[drawn.order];
    ASSERT_FALSE(drawn.amounts[1]);
    const double hue = drawn.amounts[3].value();
    ASSERT_TRUE(hue >= -0.1 && hue <= 0.1);
    const double brightness = drawn.amounts[0].value();
    sum += brightness;
    least = std::min(least, brightness);
    most = std::max(most, brightness);
  }
  EXPECT_EQ(orders.size(), 24U);
  for (const auto& [order, count] : orders) EXPECT_NEAR(count, 1000, 150);
  EXPECT_NEAR(sum / kDraws, 1, 0.01);
  EXPECT_NEAR(least, 0.5, 0.001);
  EXPECT_NEAR(most, 1.5, 0.001);
}

TEST(RandomErasing, DrawsBoxesWithAreaAndRatioInRangeAsOftenAsAsked) {
  const RandomErasing step(0.25);
  SampleRng rng(5);
  int boxes = 0;
  for (int i = 0; i < 10'000; ++i) {
    const auto box = step.draw({200, 300}, rng);
    if (!box) continue;
    ++boxes;
    ASSERT_TRUE(box->y >= 0 && box->x >= 0 && box->y + box->height <= 200 && box->x + box->width <= 300);
    const double area = static_cast<double>(box->height) * box->width / (200 * 300);
    ASSERT_NEAR(std::clamp(area, 0.02, 0.33), area, 0.01);
    const double ratio = static_cast<double>(box->height) / box->width;
    ASSERT_NEAR(std::clamp(ratio, 0.3, 3.3), ratio, 0.15);
  }
  EXPECT_NEAR(boxes, 2500, 150);
}

TEST(RandomErasing, ErasesNothingWhenNoDrawIsSmallerThanThePicture) {
  SampleRng rng(6);
  EXPECT_EQ(RandomErasing(1, {1, 1}, {1, 1}).draw({4, 4}, rng), std::nullopt);
}

}  // namespace
}  // namespace millrace::transforms::pixel_transforms_test
