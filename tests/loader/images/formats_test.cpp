// Every format that is read, file by file, against Pillow's pixels; tests/loader/images/make_formats.py made them.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <string_view>

#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/transforms/targets.h"
#include "millrace/tests/loader/images/pictures.h"

namespace millrace::image::formats_test {
namespace {

using millrace::test::Bytes;
using millrace::test::bytes_of;
using millrace::test::data_path;
using millrace::test::decode_error;
using millrace::test::decode_planes;
using millrace::test::Planes;
using millrace::test::planes_of;
using millrace::test::read_bytes;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string error_of(const std::string& name) { return decode_error(read_bytes(data_path("formats/" + name))); }

/// Compares every file with one of these endings with what Pillow makes of it.
void expect_pillows_pixels(const std::vector<std::string_view>& endings, const std::string& folder = "formats/pillow/",
                           PictureOptions options = {}) {
  const Bytes values = read_bytes(data_path(folder + "expected.bin"));
  std::ifstream list(data_path(folder + "expected.txt"));
  ASSERT_TRUE(list);
  int files = 0;
  std::string name;
  Size size;
  for (size_t offset = 0; list >> name >> size.height >> size.width >> offset;) {
    if (std::none_of(endings.begin(), endings.end(), [&](auto ending) { return name.ends_with(ending); })) continue;
    SCOPED_TRACE(name);
    ++files;
    Planes expected = test::blank(size, 3);
    const std::byte* value = values.data() + offset;
    for (int y = 0; y < size.height; ++y)
      for (int x = 0; x < size.width; ++x)
        for (int c = 0; c < 3; ++c) expected.at(c, y, x) = static_cast<uint8_t>(*value++);
    const Bytes file = read_bytes(data_path(folder + name));
    try {
      const Planes pixels = planes_of(decode(file, options), ImageMode::kRGB);
      ASSERT_EQ(pixels.size, expected.size);
      EXPECT_EQ(test::difference(pixels.values, expected.values).largest, 0);
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }
  EXPECT_GT(files, 0);
}

TEST(Png, GivesPillowsPixels) { expect_pillows_pixels({".png"}); }
TEST(Tiff, GivesPillowsPixels) { expect_pillows_pixels({".tiff"}); }
TEST(WebP, GivesPillowsPixelsOfTheFirstFrame) { expect_pillows_pixels({".webp"}); }
TEST(Gif, GivesPillowsPixelsOfTheFirstFrame) { expect_pillows_pixels({".gif"}); }
TEST(Bmp, GivesPillowsPixels) { expect_pillows_pixels({".bmp"}); }
TEST(Pnm, GivesPillowsPixels) { expect_pillows_pixels({".pbm", ".pgm", ".ppm"}); }
TEST(Jpeg, OfInksGivesPillowsPixels) { expect_pillows_pixels({".jpeg"}); }

TEST(Orientation, OfExifIsThatOfPillowsTransposeInEveryFormat) {
  PictureOptions options;
  options.orientation = Orientation::kExif;
  expect_pillows_pixels({".jpeg", ".png", ".webp", ".tiff"}, "formats/turned/", options);
}

TEST(Orientation, IsIgnoredUnlessAsked) {
  for (const char* name : {"6.jpeg", "6.png", "6.webp", "6.tiff"})
    EXPECT_EQ(decode_planes(data_path(std::string("formats/turned/") + name), ImageMode::kRGB).size, (Size{5, 3}))
        << name;
}

TEST(Formats, GrayIsPillowsLuma) {
  for (const char* name : {"rgba.png", "rgb_tiles.tiff", "lossless.webp", "palette.gif", "rgb565.bmp", "text.ppm"}) {
    const auto path = data_path(std::string("formats/pillow/") + name);
    const Planes colours = decode_planes(path, ImageMode::kRGB);
    const Planes gray = decode_planes(path, ImageMode::kGray);
    int wrong = 0;
    for (int y = 0; y < gray.size.height; ++y)
      for (int x = 0; x < gray.size.width; ++x) {
        const int luma = colours.at(0, y, x) * 19595 + colours.at(1, y, x) * 38470 + colours.at(2, y, x) * 7471;
        wrong += gray.at(0, y, x) != (luma + 0x8000) >> 16;
      }
    EXPECT_EQ(wrong, 0) << name;
  }
}

TEST(Formats, GoodFilesThatAreNotReadAreNotCalledBroken) {
  EXPECT_THAT(error_of("refused/float32.tiff"),
              StartsWith("TIFF with 32-bit floats: Millrace does not read this kind"));
  EXPECT_THAT(error_of("refused/int16.tiff"), StartsWith("TIFF with 16-bit signed integers: "));
  EXPECT_THAT(error_of("refused/lab.tiff"), StartsWith("TIFF with colours in CIE L*a*b*: "));
  EXPECT_THAT(error_of("refused/ten_samples.tiff"), StartsWith("TIFF with 10 samples a pixel: "));
  EXPECT_THAT(error_of("refused/jpeg_inside.bmp"), StartsWith("BMP with a JPEG or PNG inside: "));
}

TEST(Formats, ThoseThatAreKnownAndNotReadAreNamed) {
  using std::string_literals::operator""s;
  const std::string rest(200, ' ');
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"\0\0\0\x1c"
       "ftypavif"s,
       "AVIF picture"},
      {"\0\0\0\x18"
       "ftypheic"s,
       "HEIC picture"},
      {"\0\0\0\x0CjP  \r\n\x87\n"s, "JPEG 2000 picture"},
      {"\xFF\x4F\xFF\x51"s, "JPEG 2000 picture"},
      {"\xFF\x0A"s, "JPEG XL picture"},
      {"\x76\x2F\x31\x01"s, "OpenEXR picture"},
      {"\0\0\1\0"s, "ICO picture"},
      {"8BPS"s, "Photoshop picture"},
      {std::string(128, '\0') + "DICM", "DICOM picture"},
      {"NITF02.10"s, "NITF picture"},
      {"<?xml version='1.0'?>"s, "XML or SVG file"},
      {"<svg"s, "SVG picture"},
      {"<!DOCTYPE html>"s, "HTML page"},
      {"\x89HDF\r\n\x1a\n"s, "HDF file"},
      {"%PDF-1.4"s, "PDF document"},
      {"version https://git-lfs.github.com/spec/v1"s, "Git LFS pointer"},
      {"RIFF1234WAVE"s, "RIFF file other than WebP"},
  };
  for (const auto& [head, name] : cases)
    EXPECT_EQ(decode_error(bytes_of(head + rest)),
              name + ": Millrace does not read this format; convert it to PNG or JPEG");
}

TEST(Formats, OnlyWholeSignaturesCount) {
  EXPECT_THAT(decode_error(bytes_of("BMW is a car, and this is no picture")),
              StartsWith("not an image: first bytes 42 4d"));
  EXPECT_THAT(decode_error(bytes_of("P5-something")), StartsWith("not an image: first bytes"));
  EXPECT_THAT(decode_error(bytes_of("\x89PNG but not really")), StartsWith("not an image: first bytes"));
  EXPECT_THAT(decode_error(bytes_of("GIF88a")), StartsWith("not an image: first bytes"));
}

TEST(Formats, CutFilesAreCalledTruncatedWithTheReason) {
  for (const char* name : {"rgb16.png", "rgb_strips.tiff", "lossless.webp", "palette.gif", "rgb24.bmp", "rle8.bmp",
                           "binary15.ppm", "text.pgm"}) {
    Bytes file = read_bytes(data_path(std::string("formats/pillow/") + name));
    file.resize(file.size() / 2);
    EXPECT_THAT(decode_error(file), AllOf(StartsWith("truncated or broken "), HasSubstr(": "))) << name;
  }
}

TEST(Formats, LibrariesPrintNothing) {
  ::testing::internal::CaptureStderr();
  for (const auto& entry : std::filesystem::directory_iterator(data_path("formats/pillow"))) {
    Bytes file = read_bytes(entry.path().string());
    decode_error(file);
    file.resize(file.size() * 2 / 3);
    decode_error(file);
  }
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
}

/// The numbers of a mask file, or the error.
std::string mask_error(const std::string& name) {
  transforms::Targets targets;
  try {
    targets.add_mask(read_bytes(data_path("formats/masks/" + name)));
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  EXPECT_EQ(targets.mask_size(), (Size{8, 8})) << name;
  for (size_t i = 0; i < targets.masks().size(); ++i)
    if (targets.masks()[i] != i % 21) return "wrong number " + std::to_string(targets.masks()[i]);
  return "";
}

TEST(Png, PaletteMaskGivesIndices) {
  EXPECT_EQ(mask_error("palette8.png"), "");
  EXPECT_EQ(mask_error("palette_interlaced.png"), "");
}

TEST(Masks, OfOneChannelGiveTheirNumbersInEveryFormatAndDepth) {
  for (const char* name :
       {"gray8.png", "gray16.png", "gray8.tiff", "gray16.tiff", "gray16_big_endian.tiff", "palette8.tiff",
        "palette_tiles.tiff", "palette8.bmp", "rle8.bmp", "palette.gif", "max20.pgm", "max65535.pgm", "text.pgm"})
    EXPECT_EQ(mask_error(name), "") << name;
}

TEST(Masks, ThatHoldNoClassNumbersAreRefusedByName) {
  EXPECT_THAT(mask_error("wide.png"), HasSubstr("the number 300 at row 0, column 3: masks hold 0 to 255"));
  EXPECT_THAT(mask_error("gray4.png"), StartsWith("a PNG of 4 bits a pixel: save it with one channel of 8 bits"));
  EXPECT_THAT(mask_error("white0.tiff"), StartsWith("a TIFF whose white is 0: "));
  EXPECT_THAT(mask_error("gray4.tiff"), StartsWith("a TIFF of 4 bits a pixel: "));
  EXPECT_THAT(mask_error("colours.bmp"), StartsWith("a BMP with colours: "));
  EXPECT_THAT(mask_error("bits.pbm"), StartsWith("a PBM of 1 bit a pixel: "));
  EXPECT_THAT(mask_error("colours.ppm"), StartsWith("a PPM, which stores colours: "));
  EXPECT_THAT(mask_error("colours.webp"), StartsWith("a WebP, which stores colours: "));
  EXPECT_THAT(mask_error("lossy.jpeg"), StartsWith("a JPEG, which loses numbers: "));
}

}  // namespace
}  // namespace millrace::image::formats_test
