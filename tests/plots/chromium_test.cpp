// Charts in a browser, where there is one: scripts/setup --live installs Chromium.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>

#include "millrace/plots/line_chart.h"
#include "millrace/plots/palette.h"
#include "millrace/tests/plots/charts.h"
#include "millrace/tests/plots/read_png.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/directory.h"

namespace millrace::chromium_test {
namespace {

using plots::Picture;
using plots::Rgb;
using test::detail::output_of;

enum class Scheme { kDark, kLight };

constexpr int kWidth = 390, kHeight = 600;

class InChromium : public testing::Test {
 protected:
  void SetUp() override {
    if (output_of("command -v chromium").first != 0) GTEST_SKIP() << "no chromium: scripts/setup --live installs it";
  }

  // The window of a telephone in which a chart was opened.
  Picture screenshot(const plots::LineChart& chart, Scheme scheme) const {
    folder_.write("chart.svg", plots::to_svg(chart));
    const std::string picture = folder_.path() + "/picture.png";
    const auto [status, text] = output_of(
        "HOME='" + folder_.path() + "' timeout 100 chromium --headless --no-sandbox --disable-gpu --hide-scrollbars" +
        " --disable-dev-shm-usage --user-data-dir='" + folder_.path() +
        "/profile' --window-size=" + std::to_string(kWidth) + "," + std::to_string(kHeight) +
        " --blink-settings=preferredColorScheme=" + (scheme == Scheme::kDark ? "0" : "1") + " --screenshot='" +
        picture + "' 'file://" + folder_.path() + "/chart.svg' 2>&1");
    std::ifstream file(picture, std::ios::binary);
    if (status != 0 || !file) throw std::runtime_error("chromium made no picture: " + text);
    return test::read_png({std::istreambuf_iterator<char>(file), {}});
  }

  const test::Directory folder_;
};

Rgb corner(const Picture& picture) { return {picture.pixels[0], picture.pixels[1], picture.pixels[2]}; }

// How many pixels are close to a colour: the edges of lines are mixed with the ground.
int pixels_near(const Picture& picture, Rgb colour) {
  const auto is_near = [](int a, int b) { return std::abs(a - b) < 24; };
  int count = 0;
  for (size_t at = 0; at < picture.pixels.size(); at += 3)
    count += is_near(picture.pixels[at], colour.red) && is_near(picture.pixels[at + 1], colour.green) &&
             is_near(picture.pixels[at + 2], colour.blue);
  return count;
}

TEST_F(InChromium, AChartIsLightOrDarkAsTheReadersSystemIs) {
  const auto light = screenshot(test::loss_chart(), Scheme::kLight);
  EXPECT_EQ(corner(light), (Rgb{0xFC, 0xFC, 0xFB}));
  const auto dark = screenshot(test::loss_chart(), Scheme::kDark);
  EXPECT_EQ(corner(dark), (Rgb{0x1A, 0x1A, 0x19}));
  for (size_t series = 0; series < 2; ++series) {
    EXPECT_GT(pixels_near(light, plots::hue_of(series).on_light), 200) << series;
    EXPECT_GT(pixels_near(dark, plots::hue_of(series).on_dark), 200) << series;
  }
}

// As wide as the window, in which the plot takes most of the 390 pixels.
TEST_F(InChromium, AChartIsAsWideAsItsPlace) {
  const auto light = screenshot(test::log_chart(), Scheme::kLight);
  ASSERT_EQ(light.width, kWidth);
  int left = kWidth, right = 0;
  for (int y = 0; y < light.height; ++y)
    for (int x = 0; x < light.width; ++x) {
      const uint8_t* const channels = light.pixels.data() + 3 * (y * light.width + x);
      if (channels[0] > 200) continue;
      left = std::min(left, x);
      right = std::max(right, x);
    }
  EXPECT_LT(left, 20);
  EXPECT_GT(right, kWidth - 30);
}

}  // namespace
}  // namespace millrace::chromium_test
