#include "millrace/loader/images/jpeg.h"
#include "millrace/loader/detail/damaged_jpegs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <stdexcept>

#include "millrace/tests/loader/images/pictures.h"

namespace millrace::image::jpeg_test {
namespace {

using millrace::test::Bytes;
using millrace::test::crop;
using millrace::test::data_path;
using millrace::test::jpeg_paths;
using millrace::test::Planes;
using millrace::test::planes_of;
using millrace::test::random_box;
using millrace::test::read_bytes;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Asks `reader` for `region` of the file it has open.
Planes read_region(JpegReader& reader, Box region, ImageMode mode) {
  Image picture;
  picture.reset(region.size());
  reader.start(region, mode);
  int y = 0;
  for (Strip strip = reader.next(); strip.rows > 0; strip = reader.next()) {
    for (int row = 0; row < strip.rows; ++row, ++y) {
      std::memcpy(picture.row(y), strip.pixels + static_cast<size_t>(row) * strip.stride, picture.stride());
    }
  }
  EXPECT_EQ(y, region.height);
  return planes_of(picture, mode);
}

std::string error_of(const Bytes& file, Box region) {
  JpegReader reader;
  try {
    reader.open(file);
    read_region(reader, region, ImageMode::kRGB);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

void expect_regions_equal_full_decode(ImageMode mode, int boxes_per_picture) {
  JpegReader reader;
  SampleRng rng(1);
  for (const std::string& path : jpeg_paths()) {
    const Bytes file = read_bytes(path);
    const auto size = reader.open(file);
    const Planes full = read_region(reader, whole(size), mode);
    for (int i = 0; i < boxes_per_picture; ++i) {
      const Box box = random_box(size, rng);
      reader.open(file);
      ASSERT_EQ(read_region(reader, box, mode), crop(full, box))
          << path << " y " << box.y << " x " << box.x << " size " << to_string(box.size());
    }
  }
}

TEST(JpegReader, RegionsOfColourPicturesEqualTheFullDecode) { expect_regions_equal_full_decode(ImageMode::kRGB, 12); }
TEST(JpegReader, RegionsOfGrayPicturesEqualTheFullDecode) { expect_regions_equal_full_decode(ImageMode::kGray, 4); }

TEST(JpegReader, EveryColumnAndRowAloneEqualsTheFullDecode) {
  JpegReader reader;
  for (const char* name : {"baseline_420.jpg", "baseline_422.jpg", "progressive_420.jpg", "restart.jpg"}) {
    const Bytes file = read_bytes(data_path(std::string("formats/") + name));
    const Size size = reader.open(file);
    const Planes full = read_region(reader, whole(size), ImageMode::kRGB);
    for (int x = 0; x < size.width; ++x) {
      const Box box = {x % 7, x, size.height - 7, 1};
      reader.open(file);
      ASSERT_EQ(read_region(reader, box, ImageMode::kRGB), crop(full, box)) << name << " column " << x;
    }
    for (int y = 0; y < size.height; ++y) {
      const Box box = {y, 0, 1, size.width};
      reader.open(file);
      ASSERT_EQ(read_region(reader, box, ImageMode::kRGB), crop(full, box)) << name << " row " << y;
    }
  }
}

TEST(JpegReader, GrayFileGivesEqualPlanesWhenAskedForColour) {
  const Bytes file = read_bytes(data_path("formats/gray.jpg"));
  JpegReader reader;
  const Size size = reader.open(file);
  const Planes colour = read_region(reader, whole(size), ImageMode::kRGB);
  reader.open(file);
  const Planes gray = read_region(reader, whole(size), ImageMode::kGray);
  for (int c = 0; c < 3; ++c)
    for (int y = 0; y < size.height; ++y)
      for (int x = 0; x < size.width; ++x) ASSERT_EQ(colour.at(c, y, x), gray.at(0, y, x));
}

TEST(JpegReader, RefusesTruncatedFileWhateverTheRegion) {
  Bytes file = read_bytes(jpeg_paths().back());
  file.resize(file.size() / 2);
  EXPECT_THAT(error_of(file, {0, 0, 1, 1}), HasSubstr("truncated JPEG"));
}

TEST(JpegReader, RefusesHeaderAlone) {
  Bytes file = read_bytes(jpeg_paths().back());
  file.resize(30);
  EXPECT_THAT(error_of(file, {0, 0, 1, 1}), HasSubstr("truncated JPEG"));
}

TEST(JpegReader, RefusesMissingMiddle) {
  Bytes file = read_bytes(data_path("formats/baseline_420.jpg"));
  file.erase(file.end() - 800, file.end() - 2);
  EXPECT_THAT(error_of(file, {0, 0, 71, 93}), HasSubstr("JPEG: "));
}

TEST(JpegReader, ReadsADamagedFileWhereItIsToldToAndCountsIt) {
  const Bytes good = read_bytes(data_path("formats/baseline_420.jpg"));
  Bytes damaged = good;
  damaged.erase(damaged.end() - 800, damaged.end() - 2);
  JpegReader reader;
  const uint64_t before = damaged_jpegs_read;
  const Size size = reader.open(damaged, DamagedJpegs::kRead);
  const Planes all = read_region(reader, whole(size), ImageMode::kRGB);
  EXPECT_EQ(damaged_jpegs_read, before + 1);
  SampleRng rng(3);
  for (int i = 0; i < 50; ++i) {
    const Box region = random_box(size, rng);
    reader.open(damaged, DamagedJpegs::kRead);
    ASSERT_EQ(read_region(reader, region, ImageMode::kRGB), crop(all, region));
  }
  reader.open(good, DamagedJpegs::kRead);
  const uint64_t damaged_only = damaged_jpegs_read;
  const Box top = {0, 0, 8, size.width};
  EXPECT_EQ(crop(read_region(reader, whole(size), ImageMode::kRGB), top), crop(all, top)) << "what is not lost";
  EXPECT_EQ(damaged_jpegs_read, damaged_only) << "a good file is none";
  EXPECT_NE(error_of(damaged, whole(size)), "") << "the next one that is opened without is refused";
}

TEST(JpegReader, ThatReadsDamagedFilesRefusesTruncatedOnes) {
  Bytes file = read_bytes(data_path("formats/baseline_420.jpg"));
  file.resize(file.size() / 2);
  JpegReader reader;
  EXPECT_THROW(reader.open(file, DamagedJpegs::kRead), std::runtime_error);
}

TEST(JpegReader, KindsThatLibjpegLacksAreNotCalledBroken) {
  const Bytes good = read_bytes(data_path("formats/baseline_420.jpg"));
  const std::array<std::byte, 2> marker = {std::byte{0xFF}, std::byte{0xC0}};
  const auto frame = std::search(good.begin(), good.end(), marker.begin(), marker.end()) - good.begin();
  Bytes lossless = good;
  lossless[static_cast<size_t>(frame) + 1] = std::byte{0xC3};
  EXPECT_THAT(error_of(lossless, {0, 0, 1, 1}), StartsWith("JPEG of a kind that libjpeg does not read (Unsupported"));
  Bytes deep = good;
  deep[static_cast<size_t>(frame) + 4] = std::byte{12};
  EXPECT_THAT(error_of(deep, {0, 0, 1, 1}), AllOf(StartsWith("JPEG of a kind"), HasSubstr("precision 12")));
}

TEST(JpegReader, IgnoresBytesBehindTheEnd) {
  Bytes file = read_bytes(data_path("formats/baseline_420.jpg"));
  file.resize(file.size() + 100);
  EXPECT_EQ(error_of(file, {0, 0, 71, 93}), "");
}

TEST(JpegReader, NeverCrashesOnFlippedBytes) {
  const Bytes good = read_bytes(data_path("formats/progressive_420.jpg"));
  const Bytes baseline = read_bytes(data_path("formats/baseline_420.jpg"));
  SampleRng rng(7);
  JpegReader reader;
  int refused = 0;
  for (int i = 0; i < 2000; ++i) {
    Bytes file = i % 2 ? good : baseline;
    for (int k = 0; k < 4; ++k)
      file[static_cast<size_t>(rng.integer(2, static_cast<int64_t>(file.size()) - 1))] = std::byte(rng());
    try {
      const auto size = reader.open(file);
      if (size.height > 1000 || size.width > 1000) continue;
      read_region(reader, random_box(size, rng), ImageMode::kRGB);
    } catch (const std::runtime_error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, 0);
  // And the reader still works.
  const Size size = reader.open(baseline);
  const Planes after = read_region(reader, whole(size), ImageMode::kRGB);
  JpegReader fresh;
  fresh.open(baseline);
  EXPECT_EQ(after, read_region(fresh, whole(size), ImageMode::kRGB));
}

}  // namespace
}  // namespace millrace::image::jpeg_test
