#include "millrace/loader/images/decode.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <stdexcept>

#include "millrace/tests/loader/images/pictures.h"

namespace millrace::image::decode_test {
namespace {

using millrace::test::Bytes;
using millrace::test::bytes_of;
using millrace::test::data_path;
using millrace::test::decode_error;
using millrace::test::decode_planes;
using millrace::test::difference;
using millrace::test::read_bytes;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(ImageDecoder, LosslessEncodingsOfOnePictureAreEqual) {
  const auto reference = decode_planes(data_path("formats/rgb.png"), ImageMode::kRGB);
  EXPECT_EQ(reference.size, (Size{71, 93}));
  for (const char* name : {"rgb.ppm", "rgb.tiff", "rgb.webp"}) {
    EXPECT_EQ(decode_planes(data_path(std::string("formats/") + name), ImageMode::kRGB), reference) << name;
  }
  EXPECT_EQ(decode_planes(data_path("formats/rgb.bmp"), ImageMode::kRGB).size, (Size{18, 24}));
}

TEST(ImageDecoder, ChannelsComeInTheOrderRedGreenBlue) {
  // The JPEG goes through libjpeg, the PNG through libpng.
  const auto png = decode_planes(data_path("formats/rgb.png"), ImageMode::kRGB);
  const auto jpeg = decode_planes(data_path("formats/baseline_444.jpg"), ImageMode::kRGB);
  EXPECT_LT(difference(png.values, jpeg.values).mean, 4);
}

TEST(ImageDecoder, AlphaIsDropped) {
  EXPECT_EQ(decode_planes(data_path("formats/alpha.png"), ImageMode::kRGB),
            decode_planes(data_path("formats/rgb.png"), ImageMode::kRGB));
}

TEST(ImageDecoder, GrayPngIsEqualToItsColourPlanes) {
  const auto gray = decode_planes(data_path("formats/gray.png"), ImageMode::kGray);
  const auto colour = decode_planes(data_path("formats/gray.png"), ImageMode::kRGB);
  EXPECT_EQ(gray.channels, 1);
  for (int y = 0; y < gray.size.height; ++y)
    for (int x = 0; x < gray.size.width; ++x) ASSERT_EQ(gray.at(0, y, x), colour.at(2, y, x));
}

TEST(ImageDecoder, CmykJpegLooksLikeTheOriginal) {
  const auto cmyk = decode_planes(data_path("formats/cmyk.jpg"), ImageMode::kRGB);
  const auto rgb = decode_planes(data_path("formats/rgb.png"), ImageMode::kRGB);
  EXPECT_LT(difference(cmyk.values, rgb.values).mean, 6);
}

TEST(ImageDecoder, OrientationIsIgnored) {
  EXPECT_EQ(decode_planes(data_path("formats/turned.jpg"), ImageMode::kRGB),
            decode_planes(data_path("formats/baseline_420.jpg"), ImageMode::kRGB));
}

TEST(ImageDecoder, OnePixelIsAPicture) {
  EXPECT_EQ(decode_planes(data_path("formats/one_pixel.jpg"), ImageMode::kRGB).size, (Size{1, 1}));
}

TEST(ImageDecoder, SaysWhatIsWrongWithTheBytes) {
  EXPECT_EQ(decode_error({}), "empty file");
  EXPECT_EQ(decode_error(bytes_of("hello, world")), "not an image: first bytes 68 65 6c 6c 6f 2c 20 77");
  Bytes png = read_bytes(data_path("formats/rgb.png"));
  png.resize(png.size() / 3);
  EXPECT_THAT(decode_error(png), HasSubstr("PNG"));
  Bytes jpeg = read_bytes(data_path("formats/baseline_444.jpg"));
  jpeg.resize(jpeg.size() / 2);
  EXPECT_THAT(decode_error(jpeg), StartsWith("truncated JPEG: "));
}

}  // namespace
}  // namespace millrace::image::decode_test
