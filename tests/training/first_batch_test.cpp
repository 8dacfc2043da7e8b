// The sheet of a first batch is looked at by its size and colours: what stands where is the contact sheet's own test.
#include "millrace/training/first_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/images/decode.h"
#include "millrace/loader/sample_row.h"

namespace millrace::training::first_batch_test {
namespace {

// Gray pictures, with other fields behind them.
struct Samples {
  SampleSpec looks;
  int64_t count = 1;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(looks, count);
  }

  size_t size() const { return static_cast<size_t>(count); }
  SampleSpec spec() const { return looks; }
  void read(size_t i, SampleRow& row, SampleContext&) const {
    for (size_t field = 0; field < looks.fields.size(); ++field) {
      const std::string& name = looks.fields[field].name;
      for (auto& byte : row.bytes(field)) byte = name == "label" ? std::byte{0} : static_cast<std::byte>(40 + i);
      if (name == "boxes.count") row.set<int64_t>(name, 1);
      if (name == "boxes") std::ranges::copy(std::array{2.F, 2.F, 20.F, 20.F}, row.span<float>(name).begin());
    }
  }
};

std::optional<SheetFile> sheet_of(const SampleSpec& spec, int64_t count = 1) {
  const auto loader = make_data_loader(Samples{spec, count}, DataLoaderOptions(count));
  return first_batch_sheet(*loader->next(), {"dress", "hat"});
}

const FieldSpec kPicture{"image", at::kByte, {1, 32, 32}};

TEST(FirstBatch, HasSixteenPicturesAtMost) {
  const auto one = sheet_of({kPicture}), sixteen = sheet_of({kPicture}, 16), forty = sheet_of({kPicture}, 40);
  ASSERT_TRUE(one && sixteen && forty);
  EXPECT_GT(sixteen->width, 3 * one->width);
  EXPECT_EQ(forty->width, sixteen->width);
  EXPECT_EQ(forty->height, sixteen->height);
  EXPECT_EQ(one->png.substr(1, 3), "PNG");
}

TEST(FirstBatch, HasTheClassBelowThePicture) {
  const auto bare = sheet_of({kPicture}), named = sheet_of({kPicture, {"label", at::kLong, {}}});
  EXPECT_GT(named->height, bare->height);
}

TEST(FirstBatch, HasMasksAndBoxesOnThePicture) {
  const auto bare = sheet_of({kPicture});
  const auto masked = sheet_of({kPicture, {"mask", at::kByte, {1, 32, 32}}});
  EXPECT_EQ(masked->height, bare->height);
  EXPECT_NE(masked->png, bare->png);
  const auto boxed = sheet_of({kPicture, {"boxes", at::kFloat, {2, 4}}, {"boxes.count", at::kLong, {}}});
  EXPECT_NE(boxed->png, bare->png);
}

TEST(FirstBatch, HasPairsSideBySide) {
  const auto bare = sheet_of({kPicture}), pair = sheet_of({kPicture, {"target", at::kByte, {3, 32, 32}}});
  EXPECT_EQ(pair->width, bare->width) << "Each picture is half as large.";
  EXPECT_LT(pair->height, bare->height);
}

TEST(FirstBatch, StretchesFloats) { EXPECT_TRUE(sheet_of({{"image", at::kFloat, {3, 8, 8}}})); }

TEST(FirstBatch, OfOtherThingsIsNone) { EXPECT_FALSE(sheet_of({{"x", at::kFloat, {8}}, {"y", at::kFloat, {}}})); }

}  // namespace
}  // namespace millrace::training::first_batch_test
