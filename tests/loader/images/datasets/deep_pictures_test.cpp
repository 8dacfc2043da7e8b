// Gray pictures of more than 8 bits whose numbers a dataset keeps (PixelType).

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/datasets/tar_writer.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/datasets/manifest.h"
#include "millrace/loader/images/datasets/tar_images.h"
#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"

namespace millrace {
namespace {

using namespace millrace::transforms;
using test::Directory;
using test::error_of;
using ::testing::HasSubstr;

constexpr int kHeight = 5;
constexpr int kWidth = 7;

// Numbers that differ in every bit from row to row and from column to column, up to 65535.
int number(int y, int x) { return 65535 - y * 9001 - x * 1013; }

// A binary PGM of 16 bits, two bytes a value with the upper first.
std::string deep_pgm() {
  std::string file = "P5 " + std::to_string(kWidth) + " " + std::to_string(kHeight) + " 65535\n";
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      file += static_cast<char>(number(y, x) >> 8);
      file += static_cast<char>(number(y, x) & 255);
    }
  return file;
}

void append(std::string& file, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) file += static_cast<char>(value >> 8 * i);
}

// A little-endian TIFF of one strip whose camera was held in that orientation.
std::string deep_tiff(uint16_t orientation) {
  constexpr int kEntries = 10;
  constexpr int kShort = 3;
  constexpr uint32_t kPixelsAt = 8 + 2 + kEntries * 12 + 4;
  std::string file = "II*";
  append(file, 0, 1);
  append(file, 8, 4);
  append(file, kEntries, 2);
  const auto entry = [&](uint16_t tag, uint32_t value) {
    append(file, tag, 2);
    append(file, kShort, 2);
    append(file, 1, 4);
    append(file, value, 4);
  };
  entry(256, kWidth);
  entry(257, kHeight);
  entry(258, 16);  // Bits.
  entry(259, 1);   // Not compressed.
  entry(262, 1);   // 0 is black.
  entry(273, kPixelsAt);
  entry(274, orientation);
  entry(277, 1);        // One channel.
  entry(278, kHeight);  // Rows in the strip.
  entry(279, kHeight * kWidth * 2);
  append(file, 0, 4);
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) append(file, static_cast<uint64_t>(number(y, x)), 2);
  return file;
}

struct DeepPictures : ::testing::Test {
  DeepPictures() { directory.write("class/a.pgm", deep_pgm()); }

  ImageFolder folder(PixelType type) const {
    return ImageFolder(directory.path()).mode(ImageMode::kGray).pixel_type(type);
  }

  static at::Tensor image_of(const auto& dataset) { return test::read_all(dataset)["image"]; }

  Directory directory;
};

TEST_F(DeepPictures, KeepTheirNumbersAsUInt16AndAsFloat32) {
  const at::Tensor words = image_of(folder(PixelType::kUInt16));
  const at::Tensor floats = image_of(folder(PixelType::kFloat32));
  EXPECT_EQ(words.scalar_type(), at::kUInt16);
  EXPECT_EQ(floats.scalar_type(), at::kFloat);
  ASSERT_EQ(words.sizes(), (std::vector<int64_t>{1, 1, kHeight, kWidth}));
  ASSERT_EQ(floats.sizes(), words.sizes());
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) {
      EXPECT_EQ(words.const_data_ptr<uint16_t>()[y * kWidth + x], number(y, x));
      EXPECT_EQ(floats.const_data_ptr<float>()[y * kWidth + x], static_cast<float>(number(y, x)));
    }
}

TEST_F(DeepPictures, GiveTheirUpperBitsUnlessAsked) {
  const at::Tensor bytes = image_of(ImageFolder(directory.path()).mode(ImageMode::kGray));
  EXPECT_EQ(bytes.scalar_type(), at::kByte);
}

TEST_F(DeepPictures, OfEveryLosslessFormatAgree) {
  const auto read = [&](const std::string& name, PixelType type) {
    const Directory one;
    one.copy("formats/masks/" + name, "class/" + name);
    return image_of(ImageFolder(one.path()).mode(ImageMode::kGray).pixel_type(type));
  };
  const at::Tensor png = read("gray16.png", PixelType::kFloat32);
  for (const char* name : {"gray16.tiff", "gray16_big_endian.tiff"})
    EXPECT_TRUE(at::equal(read(name, PixelType::kFloat32), png)) << name;
  EXPECT_TRUE(at::equal(read("gray16.png", PixelType::kUInt16).to(at::kFloat), png));
  const Directory tiff;
  tiff.write("class/a.tiff", deep_tiff(1));
  EXPECT_TRUE(at::equal(image_of(ImageFolder(tiff.path()).mode(ImageMode::kGray).pixel_type(PixelType::kFloat32)),
                        image_of(folder(PixelType::kFloat32))));
}

// The steps of chance draw alike, so that the region is that of the 8-bit picture.
TEST_F(DeepPictures, MoveAsTheirUpperBitsDo) {
  std::string shallow = "P5 " + std::to_string(kWidth) + " " + std::to_string(kHeight) + " 255\n";
  for (int y = 0; y < kHeight; ++y)
    for (int x = 0; x < kWidth; ++x) shallow += static_cast<char>(number(y, x) >> 8);
  const Directory other;
  other.write("class/a.pgm", shallow);
  const Chain chain = RandomCrop(6, Pad(2)) | RandomHorizontalFlip() | RandomVerticalFlip() | CenterCrop({9, 4});
  const at::Tensor bytes = image_of(ImageFolder(other.path()).mode(ImageMode::kGray).transform(chain));
  const at::Tensor words = image_of(folder(PixelType::kUInt16).transform(chain)).contiguous();
  ASSERT_EQ(words.sizes(), bytes.sizes());
  for (int64_t i = 0; i < words.numel(); ++i)
    EXPECT_EQ(words.const_data_ptr<uint16_t>()[i] >> 8, bytes.const_data_ptr<uint8_t>()[i]) << i;
}

TEST_F(DeepPictures, AreResizedAsPyTorchResizesFloats) {
  const at::Tensor before = image_of(folder(PixelType::kFloat32));
  const at::Tensor after = image_of(folder(PixelType::kFloat32).transform(Resize({3, 4})));
  EXPECT_TRUE(at::equal(after, at::_upsample_bilinear2d_aa(before, {3, 4}, false)));
  const at::Tensor words = image_of(folder(PixelType::kUInt16).transform(Resize({3, 4})));
  EXPECT_TRUE(at::equal(words.to(at::kFloat), after.round()));
  const auto by = [&](ResizeFilter filter) {
    return image_of(folder(PixelType::kFloat32).transform(Resize({3, 4}, filter)));
  };
  EXPECT_TRUE(at::equal(by(ResizeFilter::kBicubic), at::_upsample_bicubic2d_aa(before, {3, 4}, false)));
  EXPECT_TRUE(at::equal(by(ResizeFilter::kNearest), at::upsample_nearest2d(before, {3, 4})));
}

TEST_F(DeepPictures, AreTurnedUprightAsTheirUpperBitsAre) {
  for (uint16_t orientation = 1; orientation <= 8; ++orientation) {
    const Directory one;
    one.write("class/a.tiff", deep_tiff(orientation));
    const auto upright = ImageFolder(one.path()).mode(ImageMode::kGray).orientation(Orientation::kExif);
    const at::Tensor bytes = image_of(upright);
    const at::Tensor words = image_of(upright.pixel_type(PixelType::kUInt16));
    ASSERT_EQ(words.sizes(), bytes.sizes()) << orientation;
    for (int64_t i = 0; i < words.numel(); ++i)
      ASSERT_EQ(words.const_data_ptr<uint16_t>()[i] >> 8, bytes.const_data_ptr<uint8_t>()[i]) << orientation;
  }
}

TEST_F(DeepPictures, MoveTheirMasks) {
  directory.write("mask.pgm", "P5 7 5 255\n" + std::string(kHeight * kWidth, '\3'));
  directory.write("list.csv", "path,label,mask\nclass/a.pgm,0,mask.pgm\n");
  const auto pictures = ImageManifest(directory.path() + "/list.csv", {.mask = "mask"})
                            .mode(ImageMode::kGray)
                            .pixel_type(PixelType::kUInt16)
                            .transform(Pad(1) | Resize({14, 18}));
  const Batch batch = test::read_all(pictures);
  EXPECT_EQ(batch["mask"].sizes(), (std::vector<int64_t>{1, 1, 14, 18}));
  EXPECT_EQ(batch["mask"][0][0][0][0].item<uint8_t>(), 0);
  EXPECT_EQ(batch["mask"][0][0][7][9].item<uint8_t>(), 3);
  EXPECT_EQ(batch["image"].scalar_type(), at::kUInt16);
}

TEST_F(DeepPictures, AreReadFromTarShards) {
  const std::string path = directory.path() + "/shard-%d.tar";
  {
    TarShardWriter writer(path);
    const std::string file = deep_pgm();
    writer.write("a", {{"pgm", std::as_bytes(std::span(file))}});
    writer.close();
  }
  const auto images =
      TarShards(directory.path() + "/shard-0.tar").image("pgm").mode(ImageMode::kGray).pixel_type(PixelType::kUInt16);
  EXPECT_TRUE(at::equal(image_of(images).to(at::kFloat), image_of(folder(PixelType::kFloat32))));
}

TEST_F(DeepPictures, AreTheSameInEveryMode) {
  test::expect_the_same_in_every_mode(folder(PixelType::kUInt16).transform(RandomResizedCrop(4)));
}

TEST_F(DeepPictures, RefuseByNameWhatWorksOnEightBits) {
  EXPECT_EQ(error_of([&] { folder(PixelType::kUInt16).transform(ColorJitter(0.5)).spec(); }),
            "pixel_type: pictures of uint16 go through crops, flips, constant borders and resizes alone, not through "
            "ColorJitter");
  EXPECT_THAT(error_of([&] { folder(PixelType::kFloat32).transform(Normalize({0.5F}, {0.5F})).spec(); }),
              HasSubstr("pictures of float32 go through"));
  EXPECT_THAT(error_of([&] { folder(PixelType::kUInt16).transform(Pad(1, {0}, PadMode::kReflect)).spec(); }),
              HasSubstr("not through Pad"));
}

TEST_F(DeepPictures, RefuseColours) {
  EXPECT_EQ(error_of([&] { folder(PixelType::kUInt16).mode(ImageMode::kRGB).spec(); }),
            "pixel_type: pictures of uint16 have one channel: say so by their mode, gray");
  directory.copy("formats/rgb.png", "class/a.pgm.png");
  const auto pictures = folder(PixelType::kUInt16).transform(CenterCrop(4));
  EXPECT_THAT(error_of([&] { test::read_all(pictures); }), HasSubstr("colours"));
}

TEST_F(DeepPictures, RefuseFormatsThatLoseNumbers) {
  const Directory one;
  one.copy("formats/gray.jpg", "class/a.jpg");
  const auto pictures =
      ImageFolder(one.path()).mode(ImageMode::kGray).pixel_type(PixelType::kUInt16).transform(CenterCrop(4));
  EXPECT_THAT(error_of([&] { test::read_all(pictures); }), HasSubstr("a JPEG, which loses numbers"));
}

}  // namespace
}  // namespace millrace
