#include "millrace/loader/images/kernels.h"

#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <array>
#include <cstdint>
#include <vector>

#include "millrace/loader/images/resample.h"
#include "millrace/tests/loader/images/pictures.h"

namespace millrace::image::kernels_test {
namespace {

/// Everything the kernels compute from one noisy picture, for several tap counts, widths that leave remainders, both
/// directions and both numbers of planes.
std::vector<uint8_t> all_results() {
  std::vector<uint8_t> results;
  SampleRng rng(1);
  Image picture;
  picture.reset({67, 301});
  for (int y = 0; y < picture.size().height; ++y)
    for (size_t x = 0; x < picture.stride(); ++x) picture.row(y)[x] = static_cast<uint8_t>(rng());
  Resampler resampler;
  for (const Size output : {Size{80, 350}, Size{50, 200}, Size{31, 117}, Size{9, 13}, Size{1, 1}}) {
    for (const int planes : {1, 3}) {
      for (const auto filter : {ResizeFilter::kNearest, ResizeFilter::kBilinear, ResizeFilter::kBicubic}) {
        resampler.start({picture.size(), output, whole(output), false, planes == 1, filter});
        resampler.feed(picture.strip(resampler.needed()));
        std::vector<uint8_t> out(static_cast<size_t>(planes * output.height * output.width));
        resampler.finish(planes, out);
        results.insert(results.end(), out.begin(), out.end());
      }
    }
  }
  std::array<std::vector<uint8_t>, 3> planes;
  planes.fill(std::vector<uint8_t>(301));
  const std::array<uint8_t*, 3> rows = {planes[0].data(), planes[1].data(), planes[2].data()};
  for (auto* const split : {split_row, split_row_mirrored}) {
    split(picture.row(3), 301, 3, rows.data());
    for (const auto& plane : planes) results.insert(results.end(), plane.begin(), plane.end());
  }
  turn_hues(planes[0].data(), planes[1].data(), planes[2].data(), 301, 4.7f);
  for (const auto& plane : planes) results.insert(results.end(), plane.begin(), plane.end());
  std::vector<float> floats(301);
  normalize(planes[0].data(), 301, 120.5f, 0.0173f, floats.data());
  const auto* const bytes = reinterpret_cast<const uint8_t*>(floats.data());
  results.insert(results.end(), bytes, bytes + floats.size() * sizeof(float));
  return results;
}

TEST(Kernels, EveryInstructionSetOfThisProcessorGivesTheSameBytes) {
  const auto best = all_results();
  const int64_t supported = hwy::SupportedTargets();
  int64_t left = supported;
  // From the best to the worst: the lowest bit is the best. Stop at the baseline, below which there is no code of ours.
  for (int64_t allowed = supported; (left & (HWY_SSSE3 | HWY_SSE4 | HWY_AVX2 | HWY_AVX3 | HWY_NEON)) != 0;
       allowed = left) {
    hwy::SetSupportedTargetsForTest(allowed);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    EXPECT_EQ(all_results(), best) << "without the instruction sets before " << hwy::TargetName(allowed & -allowed);
    left = allowed & (allowed - 1);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
}

TEST(Kernels, NormalizeSubtractsThenScales) {
  const std::array<uint8_t, 3> in = {0, 128, 255};
  std::array<float, 3> out;
  normalize(in.data(), in.size(), 127.5f, 2.0f, out.data());
  EXPECT_EQ(out, (std::array<float, 3>{-255.0f, 1.0f, 255.0f}));
}

}  // namespace
}  // namespace millrace::image::kernels_test
