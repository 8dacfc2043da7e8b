// Charts in a browser, where there is one: scripts/setup --live installs Chromium.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "millrace/plots/band_chart.h"
#include "millrace/plots/canvas.h"
#include "millrace/plots/line_chart.h"
#include "millrace/plots/page.h"
#include "millrace/plots/palette.h"
#include "millrace/plots/picture.h"
#include "millrace/plots/png.h"
#include "millrace/tests/plots/charts.h"
#include "millrace/tests/plots/chromium.h"
#include "millrace/tests/plots/pixels.h"

namespace millrace::chromium_test {
namespace {

using plots::Picture;
using plots::Rgb;
using test::corner;
using test::pixels_near;
using Scheme = test::Chromium::Scheme;

constexpr int kWidth = test::Chromium::kWidth;

class InChromium : public testing::Test {
 protected:
  void SetUp() override {
    if (!test::Chromium::is_there()) GTEST_SKIP() << "no chromium: scripts/setup --live installs it";
  }

  Picture screenshot(const plots::LineChart& chart, Scheme scheme) const {
    return chromium_.screenshot("chart.svg", plots::to_svg(chart), scheme);
  }

  const test::Chromium chromium_;
};

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

// All that a page may have, with texts that are wider than the window.
plots::Page page_of_everything() {
  plots::Page page("<b>A page</b> of everything, with a_word_that_is_longer_than_the_window_of_a_telephone_is_wide");
  page.heading("Charts");
  page.paragraph("Two beside each other, where there is room for that & <script>alert(1)</script>.");
  page.charts({plots::to_svg(test::loss_chart()), plots::to_svg(test::log_chart())});
  page.charts({plots::to_svg(
      {"Bands", "ms", 100, {"read", "<b>decode</b>"}, {{"worker of a long name", {{0, 50, 0}, {60, 90, 1}}}}})});
  page.table({"what", "now", "before", "what it means"},
             {{"samples a second, the median of ten windows", "1234.5 img/s", "1200.1 img/s",
               "how many samples the loader gives while nobody does anything with them"}});
  page.bars({{"decode", 0.75, "75 %"}, {"read", 0.25, "25 %"}});
  page.code("loader:\n  num_workers: 4  # " + std::string(200, 'x'));
  page.picture(plots::to_png(plots::Canvas(800, 20, {255, 0, 0}).picture()), "a red bar", "800 pixels of red");
  return page;
}

TEST_F(InChromium, APageIsNoWiderThanItsWindowAndComplainsAboutNothing) {
  for (const auto& view : test::Chromium::kViews) {
    const auto opened = chromium_.open(page_of_everything().str(), view);
    EXPECT_EQ(opened.console, "");
    EXPECT_EQ(opened.width, view.width);
    EXPECT_EQ(opened.charts, 3);
    EXPECT_EQ(opened.pictures, 1);
    // What does not hold this would be seen.
    const auto wrong = chromium_.open("<div style='width:1500px'>wide</div><script>undefined_name()</script>", view);
    EXPECT_GT(wrong.width, 1500);
    EXPECT_THAT(wrong.console, testing::HasSubstr("undefined_name"));
  }
}

TEST_F(InChromium, APageIsLightOrDarkAsTheReadersSystemIs) {
  const std::string page = page_of_everything().str();
  EXPECT_EQ(corner(chromium_.screenshot("page.html", page, Scheme::kLight)), (Rgb{0xFC, 0xFC, 0xFB}));
  EXPECT_EQ(corner(chromium_.screenshot("page.html", page, Scheme::kDark)), (Rgb{0x1A, 0x1A, 0x19}));
  for (const auto scheme : {Scheme::kLight, Scheme::kDark}) chromium_.keep_screenshot("page.html", page, scheme);
}

TEST(Page, HasPicturesInItself) {
  plots::Page page("pictures");
  for (const char* bytes : {"M", "Ma", "Man"}) page.picture(bytes, "", "");
  for (const char* text : {"base64,TQ==\"", "base64,TWE=\"", "base64,TWFu\""})
    EXPECT_THAT(page.str(), testing::HasSubstr(text));
}

}  // namespace
}  // namespace millrace::chromium_test
