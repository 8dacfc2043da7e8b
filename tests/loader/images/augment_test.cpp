// Steps that turn, shear and recolour; policies; steps around other steps; functions of the user's.
#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <numbers>

#include "millrace/sharing/codec/archive.h"
#include "millrace/tests/loader/images/chains.h"

namespace millrace::transforms::augment_test {
namespace {

using image::Size;
using millrace::test::blank;
using millrace::test::decode_planes;
using millrace::test::jpeg_paths;
using millrace::test::Planes;
using millrace::test::read_bytes;
using millrace::test::render;
using millrace::test::step_by_step;
using ::testing::HasSubstr;

TEST(Renderer, ChainsThatTurnAndAugmentEqualTheirStepsOneByOne) {
  const std::vector<Chain> chains = {
      RandomRotation(30),
      RandomHorizontalFlip(1) | RandomRotation({90, 90}) | RandomResizedCrop(40),
      RandomCrop(64) | RandomAffine({.degrees = {-20, 20}, .translate = {0.2, 0.1}, .scale = {0.5, 1.5}}),
      RandomAffine({.shear_x = {-30, 30}, .shear_y = {5, 9}}, Interpolation::kBilinear, {7}) | RandomHorizontalFlip(),
      RandomInvert() | RandomPosterize(3) | RandomSolarize(99) | RandomAdjustSharpness(1.7),
      RandomCrop(64) | RandomAutocontrast() | RandomEqualize() | RandomInvert(1) | RandomCrop(20),
      RandomResizedCrop(48) | RandAugment(3, 12) | RandomHorizontalFlip(),
      RandomResizedCrop(48) | RandAugment(2, 30, 31, Interpolation::kBilinear, {128}),
      RandomResizedCrop(48) | TrivialAugmentWide() | Pad(3),
      RandomCrop(64) | RandomApply(ColorJitter(0.4) | GaussianBlur(3), 0.5) | RandomHorizontalFlip(),
      RandomCrop(64) | RandomChoice({RandomInvert(1), RandomRotation(45) | RandomEqualize(1), Chain()}, {3, 2, 1}),
  };
  const auto paths = jpeg_paths();
  Renderer renderer;
  for (size_t i = 0; i < paths.size(); i += 13) {
    for (const Chain& chain : chains) {
      for (const ImageMode mode : {ImageMode::kRGB, ImageMode::kGray}) {
        if (decode_planes(paths[i], mode).size.height < 70) continue;  // Smaller than the crops.
        ASSERT_EQ(render(renderer, chain, paths[i], mode, i), step_by_step(chain, decode_planes(paths[i], mode), i))
            << to_string(chain) << " of " << paths[i];
      }
    }
  }
}

Planes numbered(Size size) {
  Planes picture = blank(size, 1);
  for (size_t i = 0; i < picture.values.size(); ++i) picture.values[i] = static_cast<uint8_t>(i + 1);
  return picture;
}

TEST(Affine, QuarterTurnOfASquareIsExact) {
  const Planes picture = numbered({9, 9});
  for (const auto mode : {Interpolation::kNearest, Interpolation::kBilinear}) {
    const Planes turned = test::transform_affine(picture, {.angle = 90}, mode, {0});
    for (int y = 0; y < 9; ++y)
      for (int x = 0; x < 9; ++x) ASSERT_EQ(turned.at(0, x, 8 - y), picture.at(0, y, x));
  }
}

TEST(Affine, TranslationMovesPixelsAndFillsTheRest) {
  const Planes picture = numbered({4, 7});
  const Planes moved = test::transform_affine(picture, {.translate = {2, -1}}, Interpolation::kNearest, {200});
  for (int y = 0; y < 4; ++y)
    for (int x = 0; x < 7; ++x) ASSERT_EQ(moved.at(0, y, x), x >= 2 && y < 3 ? picture.at(0, y + 1, x - 2) : 200);
}

TEST(Affine, MatrixMovesPointsWherePixelsGo) {
  const auto [a, b, c, d, e, f] = image::affine_matrix({.angle = 90, .translate = {10, 0}, .scale = 2}, {20, 40});
  // From the middle (20, 10), one to the right becomes two downwards.
  EXPECT_NEAR(a * 21 + b * 10 + c, 30, 1e-9);
  EXPECT_NEAR(d * 21 + e * 10 + f, 12, 1e-9);
}

TEST(RandAugment, DrawsEveryOperationEquallyOftenAndEitherSign) {
  SampleRng rng(1);
  std::map<AugmentKind, int> kinds;
  std::map<AugmentKind, int> negative;
  for (int i = 0; i < 14'000; ++i) {
    const Augmentation drawn = RandAugment().draw({200, 331}, rng);
    ++kinds[drawn.kind];
    if (drawn.magnitude < 0) ++negative[drawn.kind];
    ASSERT_EQ(std::abs(drawn.magnitude), RandAugment().augmentation(drawn.kind, {200, 331}).magnitude);
  }
  ASSERT_EQ(kinds.size(), 14U);
  for (const auto& [kind, count] : kinds) {
    EXPECT_NEAR(count, 1000, 150);
    const bool is_signed = kind >= AugmentKind::kShearX && kind <= AugmentKind::kSharpness;
    EXPECT_NEAR(negative[kind], is_signed ? 500 : 0, is_signed ? 100 : 0);
  }
}

TEST(TrivialAugmentWide, DrawsEveryStrengthEquallyOften) {
  SampleRng rng(2);
  std::map<double, int> degrees;
  for (int i = 0; i < 60'000; ++i) {
    const Augmentation drawn = TrivialAugmentWide(4).draw(rng);
    if (drawn.kind == AugmentKind::kRotate) ++degrees[drawn.magnitude];
  }
  ASSERT_EQ(degrees.size(), 7U);  // 0 has no sign.
  EXPECT_NEAR(degrees[-135], 536, 120);
  EXPECT_NEAR(degrees[45], 536, 120);
  EXPECT_NEAR(degrees[0], 1071, 160);
}

TEST(RandomAffine, DrawsWithinItsRanges) {
  const RandomAffine step({.degrees = {5, 10}, .translate = {0.1, 0}, .scale = {2, 3}, .shear_x = {-1, 1}});
  SampleRng rng(3);
  double rightmost = 0;
  for (int i = 0; i < 1000; ++i) {
    const image::Affine drawn = step.draw({50, 100}, rng);
    ASSERT_TRUE(drawn.angle >= 5 && drawn.angle <= 10);
    ASSERT_EQ(drawn.translate[0], std::nearbyint(drawn.translate[0]));
    ASSERT_LE(std::abs(drawn.translate[0]), 10);
    ASSERT_EQ(drawn.translate[1], 0);
    ASSERT_TRUE(drawn.scale >= 2 && drawn.scale <= 3);
    ASSERT_LE(std::abs(drawn.shear[0]), 1);
    ASSERT_EQ(drawn.shear[1], 0);
    rightmost = std::max(rightmost, drawn.translate[0]);
  }
  EXPECT_EQ(rightmost, 10);
}

TEST(RandomChoice, ChoosesByWeight) {
  const RandomChoice step({Chain(), Chain(), RandomInvert()}, {1, 0, 3});
  SampleRng rng(4);
  std::array<int, 3> counts = {};
  for (int i = 0; i < 8000; ++i) ++counts[step.draw(rng)];
  EXPECT_NEAR(counts[0], 2000, 150);
  EXPECT_EQ(counts[1], 0);
  EXPECT_NEAR(counts[2], 6000, 150);
}

at::Tensor darken_in_place(at::Tensor picture, SampleRng&) { return picture.floor_divide_(2); }

at::Tensor mirrored(at::Tensor picture, SampleRng&) { return picture.flip(2); }

at::Tensor upper_left(at::Tensor picture, SampleRng&) { return picture.slice(1, 0, 10).slice(2, 0, 20).slice(0, 0, 1); }

at::Tensor noise(at::Tensor picture, SampleRng& rng) { return picture.fill_(rng.uniform(0, 255)); }

at::Tensor halves(at::Tensor picture, SampleRng&) { return picture / 2; }

TEST(Lambda, StandsAnywhereInAChain) {
  const std::string path = jpeg_paths().back();
  const Planes small = render(Resize({30, 41}), path);
  Planes want = test::mirror(small);
  EXPECT_EQ(render(Resize({30, 41}) | Lambda(mirrored), path), want);
  for (uint8_t& value : want.values) value /= 2;
  EXPECT_EQ(render(Resize({30, 41}) | Lambda(darken_in_place) | RandomHorizontalFlip(1), path), want);
  EXPECT_EQ(render(Resize({30, 41}) | Lambda([](at::Tensor picture, SampleRng&) { return picture; }), path), small);
  const Planes first = render(Lambda(noise) | RandomCrop(9), path, ImageMode::kRGB, 5);
  EXPECT_EQ(first, render(Lambda(noise) | RandomCrop(9), path, ImageMode::kRGB, 5));
  EXPECT_NE(first, render(Lambda(noise) | RandomCrop(9), path, ImageMode::kRGB, 6));
}

TEST(Lambda, MayChangeTheShapeItDeclares) {
  const std::string path = jpeg_paths().back();
  const Planes whole = decode_planes(path, ImageMode::kRGB);
  const Chain chain = Lambda(upper_left, Lambda::Shape{1, {10, 20}}) | Pad(1);
  EXPECT_EQ(chain.fixed_size(), (Size{12, 22}));
  EXPECT_EQ(chain.output_channels(ImageMode::kRGB), 1);
  const Planes got = render(chain, path);
  for (int y = 0; y < 10; ++y)
    for (int x = 0; x < 20; ++x) ASSERT_EQ(got.at(0, y + 1, x + 1), whole.at(0, y, x));
}

TEST(Lambda, WorksOnFloatsBehindNormalize) {
  const std::string path = jpeg_paths().back();
  const Chain chain = Resize({30, 41}) | Normalize::imagenet();
  const auto floats = [&](const Chain& steps) {
    Renderer renderer;
    std::vector<float> out(3 * 30 * 41);
    SampleRng rng(1);
    renderer.render(steps, read_bytes(path), ImageMode::kRGB, rng, {30, 41}, std::as_writable_bytes(std::span(out)));
    return out;
  };
  EXPECT_EQ((chain | Lambda(halves)).dtype(), c10::ScalarType::Float);
  std::vector<float> want = floats(chain);
  for (float& value : want) value /= 4;
  EXPECT_EQ(floats(chain | Lambda(halves) | Lambda([](at::Tensor t, SampleRng&) { return t.mul_(0.5); })), want);
  EXPECT_THROW(chain | RandomInvert(), std::invalid_argument);
  EXPECT_THROW(chain | Lambda(halves, Lambda::Shape{3, {1, 1}}), std::invalid_argument);
}

TEST(Lambda, SaysWhatTheFunctionGaveAndWhatWasExpected) {
  const std::string path = jpeg_paths().back();
  const auto error_of = [&](Lambda::Function function) -> std::string {
    try {
      render(Resize({30, 41}) | Lambda(function), path);
    } catch (const std::exception& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_THAT(error_of(upper_left), HasSubstr("[1, 10, 20]"));
  EXPECT_THAT(error_of(upper_left), HasSubstr("[3, 30, 41]"));
  EXPECT_THAT(error_of(upper_left), HasSubstr("declare the shape"));
  EXPECT_THAT(error_of(halves), HasSubstr("Float"));
  EXPECT_THAT(error_of([](at::Tensor, SampleRng&) { return at::Tensor(); }), HasSubstr("undefined"));
  EXPECT_THAT(error_of([](at::Tensor, SampleRng&) -> at::Tensor { throw std::runtime_error("on purpose"); }),
              HasSubstr("on purpose"));
}

TEST(Chain, OfAugmentationsComesBackFromAnArchive) {
  const Chain chain = RandomRotation({10, 20}, Interpolation::kBilinear, {1, 2, 3}) |
                      RandomAffine({{-1, 2}, {0.1, 0.2}, {0.5, 2}, {3, 4}, {5, 6}}, Interpolation::kBilinear, {9}) |
                      RandomInvert(0.1) | RandomPosterize(3, 0.2) | RandomSolarize(99, 0.3) |
                      RandomAdjustSharpness(2, 0.4) | RandomAutocontrast(0.6) | RandomEqualize(0.7) |
                      RandAugment(3, 4, 11, Interpolation::kBilinear, {5}) |
                      TrivialAugmentWide(7, Interpolation::kBilinear, {6, 7, 8}) |
                      RandomApply(RandomInvert(1) | RandomApply(RandomEqualize(), 0.25), 0.75) |
                      RandomChoice({RandomInvert(), Chain()}, {1, 2}) | Lambda(mirrored) |
                      Lambda(upper_left, Lambda::Shape{1, {10, 20}});
  Encoded encoded = encode(chain);
  DecodeArchive archive(encoded.bytes, encoded.fds);
  Chain copy;
  archive(copy);
  EXPECT_EQ(copy, chain);
  EXPECT_NE(copy, chain | Lambda(mirrored));
  EXPECT_THAT(to_string(copy),
              HasSubstr("RandomApply(RandomInvert(1) | RandomApply(RandomEqualize(0.5), 0.25), 0.75)"));
}

TEST(Chain, RefusesAugmentationsWithoutAMeaning) {
  EXPECT_THROW(RandomRotation({20, 10}), std::invalid_argument);
  EXPECT_THROW(RandomRotation(10, Interpolation::kNearest, {1, 2}), std::invalid_argument);
  EXPECT_THROW(RandomAffine({.scale = {0, 1}}), std::invalid_argument);
  EXPECT_THROW(RandomAffine({.translate = {0.5, 1.5}}), std::invalid_argument);
  EXPECT_THROW(RandomAffine({.shear_x = {0, 90}}), std::invalid_argument);
  EXPECT_THROW(RandomInvert(-1), std::invalid_argument);
  EXPECT_THROW(RandomPosterize(9), std::invalid_argument);
  EXPECT_THROW(RandomSolarize(256), std::invalid_argument);
  EXPECT_THROW(RandomAdjustSharpness(-1), std::invalid_argument);
  EXPECT_THROW(RandAugment(-1), std::invalid_argument);
  EXPECT_THROW(RandAugment(2, 31), std::invalid_argument);
  EXPECT_THROW(TrivialAugmentWide(1), std::invalid_argument);
  EXPECT_THROW(RandomApply(Resize(10), 0.5), std::invalid_argument);
  EXPECT_THROW(RandomApply(RandomInvert(), 2), std::invalid_argument);
  EXPECT_THROW(RandomChoice(std::vector<Chain>()), std::invalid_argument);
  EXPECT_THROW(RandomChoice({Chain(Grayscale())}), std::invalid_argument);
  EXPECT_THROW(RandomChoice({Chain(), Chain()}, {1}), std::invalid_argument);
  EXPECT_THROW(RandomChoice({Chain(), Chain()}, {0, 0}), std::invalid_argument);
  EXPECT_THROW(Lambda(Lambda::Function(nullptr)), std::invalid_argument);
  EXPECT_THROW(Lambda(upper_left, Lambda::Shape{2, {1, 1}}), std::invalid_argument);
  const Chain three = RandomApply(RandomRotation(10, Interpolation::kNearest, {1, 2, 3}), 0.5);
  EXPECT_THROW(three.field("x", ImageMode::kGray, {1, 1}), std::invalid_argument);
  EXPECT_NO_THROW(three.field("x", ImageMode::kRGB, {1, 1}));
}

}  // namespace
}  // namespace millrace::transforms::augment_test
