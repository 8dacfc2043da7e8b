#include "millrace/loader/images/resample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "millrace/tests/loader/images/pictures.h"

namespace millrace::image::resample_test {
namespace {

using millrace::test::blank;
using millrace::test::crop;
using millrace::test::mirror;
using millrace::test::Planes;
using millrace::test::planes_of;

Image noise(Size size, uint64_t seed) {
  SampleRng rng(seed);
  Image picture;
  picture.reset(size);
  for (int y = 0; y < size.height; ++y)
    for (int x = 0; x < size.width * kPixelBytes; ++x) picture.row(y)[x] = static_cast<uint8_t>(rng());
  return picture;
}

Planes resample(const Image& picture, const ResampleRequest& request, int rows_per_strip, int channels = 3) {
  Resampler resampler;
  resampler.start(request);
  const Box needed = resampler.needed();
  for (int y = 0; y < needed.height; y += rows_per_strip) {
    resampler.feed(picture.strip({needed.y + y, needed.x, std::min(rows_per_strip, needed.height - y), needed.width}));
  }
  Planes out = blank(request.window.size(), channels);
  resampler.finish(channels, out.values);
  return out;
}

constexpr std::array kFilters = {ResizeFilter::kNearest, ResizeFilter::kBilinear, ResizeFilter::kBicubic};

/// What a pixel weighs that is `x` away, in pixels of the smaller picture.
double weight(ResizeFilter filter, double x) {
  x = std::abs(x);
  if (filter == ResizeFilter::kBilinear) return std::max(0.0, 1 - x);
  if (x >= 2) return 0;
  return x < 1 ? 1.5 * x * x * x - 2.5 * x * x + 1 : -0.5 * x * x * x + 2.5 * x * x - 4 * x + 2;
}

/// One axis of the resize in plain arithmetic: exact weights, rounded to 8 bits as the algorithm says.
std::vector<double> reference_line(const std::vector<double>& in, int output, ResizeFilter filter) {
  const double scale = static_cast<double>(in.size()) / output;
  std::vector<double> out;
  for (int i = 0; i < output; ++i) {
    if (filter == ResizeFilter::kNearest) {
      out.push_back(in[static_cast<size_t>(i) * in.size() / static_cast<size_t>(output)]);
      continue;
    }
    double sum = 0;
    double total = 0;
    for (size_t j = 0; j < in.size(); ++j) {
      const double away = (static_cast<double>(j) + 0.5 - scale * (i + 0.5)) / std::max(1.0, scale);
      sum += weight(filter, away) * in[j];
      total += weight(filter, away);
    }
    out.push_back(std::clamp(std::floor(sum / total + 0.5), 0.0, 255.0));
  }
  return out;
}

Planes reference(const Planes& in, Size output, ResizeFilter filter) {
  Planes out = blank(output, in.channels);
  for (int c = 0; c < in.channels; ++c) {
    std::vector<std::vector<double>> rows;
    for (int y = 0; y < in.size.height; ++y) {
      std::vector<double> line;
      for (int x = 0; x < in.size.width; ++x) line.push_back(in.at(c, y, x));
      rows.push_back(reference_line(line, output.width, filter));
    }
    for (int x = 0; x < output.width; ++x) {
      std::vector<double> line;
      for (const auto& row : rows) line.push_back(row[static_cast<size_t>(x)]);
      const auto column = reference_line(line, output.height, filter);
      for (int y = 0; y < output.height; ++y) out.at(c, y, x) = static_cast<uint8_t>(column[static_cast<size_t>(y)]);
    }
  }
  return out;
}

TEST(Resampler, IsWithinAGrayLevelOrTwoOfExactArithmetic) {
  SampleRng rng(3);
  for (int i = 0; i < 120; ++i) {
    const Size input = {static_cast<int>(rng.integer(1, 90)), static_cast<int>(rng.integer(1, 90))};
    const Size output = {static_cast<int>(rng.integer(1, 70)), static_cast<int>(rng.integer(1, 70))};
    const ResizeFilter filter = kFilters[static_cast<size_t>(i) % kFilters.size()];
    const Image picture = noise(input, rng());
    const Planes got =
        resample(picture, {.input = input, .output = output, .window = whole(output), .filter = filter}, 16);
    const Planes want = reference(planes_of(picture, ImageMode::kRGB), output, filter);
    const auto error = millrace::test::difference(got.values, want.values);
    SCOPED_TRACE(to_string(input) + " to " + to_string(output) + " by filter " + std::to_string(i % 3));
    // Where weights are negative a level lost between the passes may weigh more than one.
    ASSERT_LE(error.largest, filter == ResizeFilter::kBicubic ? 2 : 1);
    ASSERT_LE(error.mean, 0.05);
  }
}

TEST(Resampler, WindowsEqualTheirPartOfTheWhole) {
  SampleRng rng(4);
  for (int i = 0; i < 60; ++i) {
    const Size input = {static_cast<int>(rng.integer(1, 90)), static_cast<int>(rng.integer(1, 90))};
    const Size output = {static_cast<int>(rng.integer(1, 70)), static_cast<int>(rng.integer(1, 70))};
    const Image picture = noise(input, rng());
    const ResizeFilter filter = kFilters[static_cast<size_t>(i) % kFilters.size()];
    const Planes all = resample(picture, {input, output, whole(output), false, false, filter}, 16);
    const Box window = millrace::test::random_box(output, rng);
    ASSERT_EQ(resample(picture, {input, output, window, false, false, filter}, 5), crop(all, window));
    ASSERT_EQ(resample(picture, {input, output, window, false, true, filter}, 1), mirror(crop(all, window)));
  }
}

TEST(Resampler, MirroredInputEqualsTheResizeOfTheMirroredPicture) {
  SampleRng rng(5);
  for (int i = 0; i < 40; ++i) {
    const Size input = {static_cast<int>(rng.integer(1, 60)), static_cast<int>(rng.integer(1, 90))};
    const Size output = {static_cast<int>(rng.integer(1, 50)), static_cast<int>(rng.integer(1, 70))};
    const Image picture = noise(input, rng());
    Image turned;
    turned.reset(input);
    for (int y = 0; y < input.height; ++y)
      for (int x = 0; x < input.width; ++x)
        std::copy_n(picture.row(y) + x * kPixelBytes, kPixelBytes, turned.row(y) + (input.width - 1 - x) * kPixelBytes);
    const Box window = millrace::test::random_box(output, rng);
    const ResizeFilter filter = kFilters[static_cast<size_t>(i) % kFilters.size()];
    ASSERT_EQ(resample(picture, {input, output, window, true, false, filter}, 16),
              resample(turned, {input, output, window, false, false, filter}, 16));
  }
}

TEST(Resampler, SameSizeChangesNothing) {
  const Image picture = noise({31, 45}, 6);
  for (const ResizeFilter filter : kFilters)
    EXPECT_EQ(resample(picture, {picture.size(), picture.size(), whole(picture.size()), false, false, filter}, 16),
              planes_of(picture, ImageMode::kRGB));
}

TEST(Resampler, WhiteStaysWhiteAtAnyScale) {
  for (const int side : {1, 2, 3, 7, 64, 255, 1000, 5000}) {
    Image picture;
    picture.reset({3, side});
    std::fill_n(picture.row(0), picture.stride() * 3, uint8_t{255});
    for (const int out : {1, 2, 5, 16, 17, 100}) {
      for (const ResizeFilter filter : kFilters) {
        const Planes got = resample(picture, {picture.size(), {2, out}, {0, 0, 2, out}, false, false, filter}, 16);
        ASSERT_TRUE(std::all_of(got.values.begin(), got.values.end(), [](uint8_t v) { return v == 255; }))
            << side << " to " << out;
      }
    }
  }
}

TEST(Resampler, HugeAspectRatiosWork) {
  const Image wide = noise({1, 4000}, 8);
  EXPECT_EQ(resample(wide, {wide.size(), {224, 224}, whole({224, 224})}, 16).size, (Size{224, 224}));
  const Image high = noise({4000, 1}, 8);
  EXPECT_EQ(resample(high, {high.size(), {224, 224}, whole({224, 224})}, 16).size, (Size{224, 224}));
}

TEST(Resampler, OnePlaneIsTheFirstOfThree) {
  const Image picture = noise({50, 60}, 9);
  const ResampleRequest request = {picture.size(), {20, 21}, whole({20, 21})};
  const Planes three = resample(picture, request, 16);
  const Planes one = resample(picture, request, 16, 1);
  EXPECT_TRUE(std::equal(one.values.begin(), one.values.end(), three.values.begin()));
}

}  // namespace
}  // namespace millrace::image::resample_test
