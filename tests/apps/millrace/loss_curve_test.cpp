// The curve that a run of `millrace train` leaves, in a browser where there is one.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "millrace/plots/palette.h"
#include "millrace/tests/plots/chromium.h"
#include "millrace/tests/plots/pixels.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/shell.h"

namespace millrace::loss_curve_test {
namespace {

using test::Chromium;

// Its loss.svg, of training and of a test split.
std::string loss_of_a_run() {
  const test::Directory folder;
  for (const char* name : {"cat", "dog"})
    for (const char* picture : {"1.pgm", "2.pgm", "3.pgm", "4.pgm"})
      folder.write(std::string("pets/") + name + "/" + picture, "P5 8 8 255\n" + std::string(64, *name));
  folder.write("run.yaml",
               "dataset: {type: image_folder, root: pets, mode: gray}\ntransforms: []\nloader: {batch_size: 2}\n"
               "test: {dataset: {type: image_folder, root: pets, mode: gray}, transforms: []}\n"
               "model: {type: small_cnn, widths: [4]}\nepochs: 5\ndevice: cpu\n");
  const auto ended = test::run_in(folder.path(), "'" + test::built("apps/millrace") + "' train run");
  EXPECT_EQ(ended.exit_code, 0) << ended.err;
  std::ifstream file(folder.path() + "/runs/run/loss.svg", std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(LossCurve, OfARunIsSeenInABrowserLightAndDark) {
  if (!Chromium::is_there()) GTEST_SKIP() << "no chromium: scripts/setup --live installs it";
  const std::string svg = loss_of_a_run();
  ASSERT_THAT(svg, testing::HasSubstr("<title>loss</title>"));
  const Chromium chromium;
  for (const auto scheme : {Chromium::Scheme::kLight, Chromium::Scheme::kDark}) {
    const bool is_light = scheme == Chromium::Scheme::kLight;
    const auto picture = chromium.screenshot("loss_of_a_run.svg", svg, scheme);
    EXPECT_EQ(test::corner(picture), is_light ? (plots::Rgb{0xFC, 0xFC, 0xFB}) : (plots::Rgb{0x1A, 0x1A, 0x19}));
    for (const size_t series : {0, 1}) {  // Of training, and of the test split.
      const plots::Hue& hue = plots::hue_of(series);
      EXPECT_GT(test::pixels_near(picture, is_light ? hue.on_light : hue.on_dark), 100) << series;
    }
    chromium.keep_screenshot("loss_of_a_run.svg", svg, scheme);
  }
}

}  // namespace
}  // namespace millrace::loss_curve_test
