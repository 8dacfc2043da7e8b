#include "millrace/loader/images/transforms/batch_mix.h"

#include <ATen/ops/allclose.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace millrace::transforms {
namespace {

// Sample i is filled with i.
at::Tensor pictures(int64_t count, c10::ScalarType dtype = c10::ScalarType::Float) {
  return at::arange(count, c10::TensorOptions(dtype)).view({count, 1, 1, 1}).expand({count, 3, 8, 10}).contiguous();
}

at::Tensor labels() { return at::tensor({2, 0, 1}, c10::TensorOptions(c10::ScalarType::Long)); }

at::Tensor row(std::initializer_list<double> values) {
  return at::tensor(at::ArrayRef<double>(values.begin(), values.size()), c10::TensorOptions(c10::ScalarType::Float));
}

TEST(MixUp, BlendsEachSampleWithTheOneBefore) {
  const at::Tensor batch = pictures(3);
  const auto [mixed, targets] = MixUp(1.0, 3).mix(batch, labels(), 0.75);
  EXPECT_FLOAT_EQ(mixed[0][0][0][0].item<float>(), 0.25f * 2);
  EXPECT_FLOAT_EQ(mixed[1][2][7][9].item<float>(), 0.75f * 1);
  EXPECT_FLOAT_EQ(mixed[2][1][3][3].item<float>(), 0.75f * 2 + 0.25f);
  EXPECT_TRUE(at::allclose(targets[0], row({0, 0.25, 0.75})));
  EXPECT_TRUE(at::allclose(targets[1], row({0.75, 0, 0.25})));
  EXPECT_TRUE(at::equal(batch, pictures(3)));
}

TEST(CutMix, ShowsTheSampleBeforeInABoxAndMixesLabelsByItsArea) {
  const at::Tensor batch = pictures(3, c10::ScalarType::Byte);
  const auto [mixed, targets] = CutMix(1.0, 3).mix(batch, labels(), {2, 3, 4, 5});  // 20 of 80 pixels.
  for (int64_t y = 0; y < 8; ++y)
    for (int64_t x = 0; x < 10; ++x)
      ASSERT_EQ(mixed[1][0][y][x].item<int>(), y >= 2 && y < 6 && x >= 3 && x < 8 ? 0 : 1) << y << ", " << x;
  EXPECT_TRUE(at::allclose(targets[1], row({0.75, 0, 0.25})));
  EXPECT_TRUE(at::equal(batch, pictures(3, c10::ScalarType::Byte)));
}

TEST(BatchMix, TakesLabelsThatAreProbabilities) {
  const at::Tensor halves = at::zeros({3, 2}, c10::TensorOptions(c10::ScalarType::Double)).add(0.5);
  const auto [mixed, targets] = MixUp().mix(pictures(3), halves, 0.3);
  EXPECT_EQ(targets.scalar_type(), c10::ScalarType::Double);
  EXPECT_TRUE(at::allclose(targets, halves));
}

TEST(BatchMix, SameSeedGivesTheSameBatch) {
  SampleRng first(7);
  SampleRng second(7);
  EXPECT_TRUE(
      at::equal(MixUp(0.2, 3)(pictures(3), labels(), first).first, MixUp(0.2, 3)(pictures(3), labels(), second).first));
  EXPECT_TRUE(
      at::equal(CutMix(1, 3)(pictures(3), labels(), first).second, CutMix(1, 3)(pictures(3), labels(), second).second));
}

TEST(BatchMix, DrawsFromTheBetaDistribution) {
  for (const double alpha : {0.001, 0.2, 0.5, 1.0, 4.0}) {
    SampleRng rng(11);
    constexpr int kDraws = 40'000;
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < kDraws; ++i) {
      const double x = draw_beta(alpha, rng);
      ASSERT_TRUE(x >= 0 && x <= 1) << alpha;
      sum += x;
      squares += x * x;
    }
    const double mean = sum / kDraws;
    EXPECT_NEAR(mean, 0.5, 0.01) << alpha;
    EXPECT_NEAR(squares / kDraws - mean * mean, 1 / (4 * (2 * alpha + 1)), 0.005) << alpha;
  }
}

TEST(CutMix, DrawsBoxesInsideThePicture) {
  SampleRng rng(12);
  const CutMix mix;
  double area = 0;
  constexpr int kDraws = 10'000;
  for (int i = 0; i < kDraws; ++i) {
    const image::Box box = mix.draw({80, 100}, rng);
    ASSERT_TRUE(box.y >= 0 && box.x >= 0 && box.height >= 0 && box.width >= 0);
    ASSERT_TRUE(box.y + box.height <= 80 && box.x + box.width <= 100);
    area += static_cast<double>(box.height) * box.width / 8000;
  }
  // A box of relative side s around a uniform middle keeps s - s^2 / 4 of each side; with s^2 uniform, the mean of
  // (s - s^2 / 4)^2 is 1/2 - 1/5 + 1/48.
  EXPECT_NEAR(area / kDraws, 0.5 - 0.2 + 1.0 / 48, 0.02);
}

TEST(BatchMix, RefusesWhatIsNoBatch) {
  SampleRng rng(1);
  EXPECT_THROW(MixUp(0), std::invalid_argument);
  EXPECT_THROW(CutMix(1, -1), std::invalid_argument);
  EXPECT_THROW(MixUp()(pictures(3), labels(), rng), std::invalid_argument);
  EXPECT_THROW(MixUp(1, 3)(pictures(4), labels(), rng), std::invalid_argument);
  EXPECT_THROW(MixUp(1, 3)(pictures(3)[0], labels(), rng), std::invalid_argument);
  EXPECT_THROW(MixUp(1, 3)(pictures(3, c10::ScalarType::Byte), labels(), rng), std::invalid_argument);
  EXPECT_THROW(CutMix(1, 3).mix(pictures(3), labels(), {0, 0, 9, 1}), std::invalid_argument);
}

}  // namespace
}  // namespace millrace::transforms
