#include "millrace/plots/contact_sheet.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/plots/canvas.h"
#include "millrace/plots/png.h"
#include "millrace/plots/small_font.h"
#include "millrace/tests/plots/read_png.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::contact_sheet_test {
namespace {

using namespace plots;
using testing::AllOf;
using testing::HasSubstr;

Picture filled(int height, int width, Rgb colour) { return Canvas(width, height, colour).picture(); }

Rgb pixel(const Picture& picture, int x, int y) {
  const uint8_t* const channels = picture.pixels.data() + 3 * (y * picture.width + x);
  return {channels[0], channels[1], channels[2]};
}

std::ptrdiff_t pixels_of(const Picture& picture, Rgb colour) {
  std::ptrdiff_t count = 0;
  for (int y = 0; y < picture.height; ++y)
    for (int x = 0; x < picture.width; ++x) count += pixel(picture, x, y) == colour;
  return count;
}

TEST(Png, IsReadAsWhatItWasMadeOf) {
  Picture colours{2, 3, 3, {}};
  for (uint8_t i = 0; i < 18; ++i) colours.pixels.push_back(static_cast<uint8_t>(i * 14));
  EXPECT_EQ(test::read_png(to_png(colours)).pixels, colours.pixels);
  const Picture gray{1, 2, 1, {0, 200}};
  EXPECT_EQ(test::read_png(to_png(gray)).pixels, (std::vector<uint8_t>{0, 0, 0, 200, 200, 200}));
}

TEST(Png, OfNumbersThatDoNotAgreeIsRefused) {
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { to_png({2, 2, 3, {1, 2, 3}}); }),
              HasSubstr("2 x 2 pixels of 3 channels with 3 bytes"));
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { to_png({0, 2, 3, {}}); }), HasSubstr("at least one pixel"));
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { to_png({1, 1, 4, {1, 2, 3, 4}}); }), HasSubstr("1 or 3"));
}

TEST(SmallFont, HasAnotherShapeForEachCharacter) {
  std::set<std::vector<bool>> shapes;
  for (char c = ' '; c <= '~'; ++c) {
    std::vector<bool> shape;
    for (size_t row = 0; row < kGlyphHeight; ++row)
      for (size_t column = 0; column < kGlyphWidth; ++column) shape.push_back(is_ink(c, row, column));
    for (size_t row = 0; row < kGlyphHeight; ++row) EXPECT_FALSE(is_ink(c, row, kGlyphWidth - 1)) << c;
    EXPECT_TRUE(shapes.insert(shape).second) << c;
  }
}

TEST(SmallFont, HasABoxForWhatItCannotWrite) {
  for (const char c : {'\n', '\xe7', '\x7f'}) EXPECT_TRUE(is_ink(c, 0, 0) && is_ink(c, 6, 4) && !is_ink(c, 3, 2));
}

TEST(Canvas, LeavesOutWhatLiesOutside) {
  Canvas canvas(4, 3, {0, 0, 0});
  canvas.fill({-2, -2, 100, 3}, {1, 1, 1});
  canvas.frame({2, 1, 50, 50}, 2, {2, 2, 2});
  canvas.text(3, -4, 3, {3, 3, 3}, "W");
  EXPECT_EQ(pixel(canvas.picture(), 0, 0), (Rgb{1, 1, 1}));
  EXPECT_EQ(pixel(canvas.picture(), 2, 1), (Rgb{2, 2, 2}));
  EXPECT_EQ(canvas.picture().pixels.size(), 36u);
}

TEST(ContactSheet, EnlargesSmallPicturesByAWholeFactor) {
  const Rgb red{200, 0, 0};
  const auto sheet = contact_sheet({{filled(8, 8, red), "", {}, {}}});
  EXPECT_EQ(pixels_of(sheet, red), 256 * 256);
}

TEST(ContactSheet, ReducesLargePicturesToTheMeanOfTheirPixels) {
  Canvas stripes(400, 800, {0, 0, 0});
  for (int x = 0; x < 400; x += 4) stripes.fill({x, 0, 1, 800}, {100, 40, 200});
  const auto sheet = contact_sheet({{stripes.picture(), "", {}, {}}});
  EXPECT_EQ(pixels_of(sheet, {25, 10, 50}), 100 * 200) << "a quarter of 400 x 800";
}

TEST(ContactSheet, HasAsManyInARowAsInAColumn) {
  const Rgb red{200, 0, 0};
  const std::vector<Exhibit> nine(9, {filled(256, 256, red), "", {}, {}});
  const auto sheet = contact_sheet(nine);
  EXPECT_EQ(sheet.width, sheet.height);
  EXPECT_EQ(pixels_of(sheet, red), 9 * 256 * 256);
}

TEST(ContactSheet, ShowsGrayPicturesAsTheyAre) {
  const auto sheet = contact_sheet({{{1, 1, 1, {77}}, "", {}, {}}});
  EXPECT_EQ(pixels_of(sheet, {77, 77, 77}), 256 * 256);
}

TEST(ContactSheet, WritesCaptionsAndCutsLongOnes) {
  const Exhibit plain{filled(256, 256, {0, 0, 0}), "", {}, {}};
  Exhibit named = plain, long_one = plain, longer = plain;
  named.caption = "cat";
  long_one.caption = "photos/animals/cat/0001.jpg";
  longer.caption = std::string(1000, 'x');
  const int height = contact_sheet({plain}).height, one_line = contact_sheet({named}).height;
  EXPECT_LT(height, one_line);
  EXPECT_LT(one_line, contact_sheet({long_one}).height);
  EXPECT_EQ(contact_sheet({longer}).height, contact_sheet({long_one}).height);
  EXPECT_EQ(contact_sheet({longer}).width, contact_sheet({plain}).width);
}

TEST(ContactSheet, DrawsBoxesWherePixelsOfThePictureAre) {
  Exhibit exhibit{filled(16, 16, {0, 0, 0}), "", {{4, 2, 12, 10, 0}}, {}};  // Enlarged sixteen times.
  const auto sheet = contact_sheet({exhibit});
  const Rgb colour = hue_of(0).on_light;
  int left = sheet.width, right = 0, top = sheet.height, bottom = 0;
  for (int y = 0; y < sheet.height; ++y)
    for (int x = 0; x < sheet.width; ++x)
      if (pixel(sheet, x, y) == colour) {
        left = std::min(left, x), right = std::max(right, x);
        top = std::min(top, y), bottom = std::max(bottom, y);
      }
  EXPECT_EQ(right - left + 1, 8 * 16);
  EXPECT_EQ(bottom - top + 1, 8 * 16);
  EXPECT_EQ(pixel(sheet, (left + right) / 2, (top + bottom) / 2), (Rgb{0, 0, 0})) << "a frame";
}

TEST(ContactSheet, CutsOffBoxesOfAModelThatLearnsYet) {
  const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
  const Exhibit plain{filled(16, 16, {0, 0, 0}), "", {}, {}};
  Exhibit boxed = plain;
  boxed.boxes = {{-1e300, -infinity, 1e300, infinity, -1}};
  const auto sheet = contact_sheet({boxed});
  EXPECT_EQ(pixels_of(sheet, hue_of(0).on_light), 256 * 256 - 250 * 250) << "a frame around the picture";
  for (const auto& box :
       {LabelledBox{nan, nan, nan, nan, 1}, LabelledBox{12, 12, 4, 4, 1}, LabelledBox{99, 0, 100, 1, 1}}) {
    boxed.boxes = {box};
    EXPECT_EQ(contact_sheet({boxed}).pixels, contact_sheet({plain}).pixels) << "of no extent";
  }
}

TEST(ContactSheet, TintsTheClassesOfAMask) {
  Exhibit exhibit{filled(2, 2, {100, 100, 100}), "", {}, {0, 1, 255, 1}};
  const auto sheet = contact_sheet({exhibit});
  const Rgb hue = hue_of(1).on_light;
  const auto mean = [](uint8_t channel) { return static_cast<uint8_t>((channel + 100) / 2); };
  EXPECT_EQ(pixels_of(sheet, {mean(hue.red), mean(hue.green), mean(hue.blue)}), 2 * 128 * 128);
  EXPECT_EQ(pixels_of(sheet, {100, 100, 100}), 2 * 128 * 128);
}

TEST(ContactSheet, RefusesWhatDoesNotFitTogether) {
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { contact_sheet({}); }), HasSubstr("no picture"));
  EXPECT_THAT(test::error_of<std::invalid_argument>([] { contact_sheet({{filled(2, 2, {}), "", {}, {1, 2, 3}}}); }),
              AllOf(HasSubstr("a mask of 3 numbers"), HasSubstr("4 pixels")));
}

}  // namespace
}  // namespace millrace::contact_sheet_test
