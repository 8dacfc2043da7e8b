#include "millrace/loader/images/datasets/encoded_pictures.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/images/datasets/image_files.h"
#include "millrace/tests/support/error_of.h"
#include "millrace/tests/support/paths.h"

namespace millrace::encoded_pictures_test {
namespace {

using test::error_of;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::string rgb() { return test::data("formats/rgb.png"); }

std::string file_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// The same picture as often as there are labels, each of which is a value of the sample.
struct Files {
  std::vector<SampleValue> labels;
  bool as_tensors = false;

  size_t size() const { return labels.size(); }
  std::string describe(size_t i) const { return "entry " + std::to_string(i); }
  Sample get(size_t i) const {
    Sample sample{{"class", labels[i]}};
    std::string bytes = file_of(rgb());
    if (as_tensors)
      sample["file"] = at::from_blob(bytes.data(), {static_cast<int64_t>(bytes.size())}, at::kByte).clone();
    else
      sample["file"] = std::move(bytes);
    return sample;
  }
  template <class Archive>
  void serialize(Archive&) {}  // It is read by the trainer alone.
};

Batch first_batch_of(auto&& dataset) {
  auto loader = make_data_loader(std::forward<decltype(dataset)>(dataset), DataLoaderOptions(2));
  return *loader->next();
}

const std::vector<SampleValue> kLabels{int64_t{7}, at::tensor({int64_t{8}}, at::kLong)};

TEST(EncodedPictures, AreThePicturesOfTheSameFiles) {
  const Batch expected = first_batch_of(ImageFiles(rgb()));
  for (const bool as_tensors : {false, true}) {
    const Batch batch = first_batch_of(EncodedPictures(Files{kLabels, as_tensors}, "file", "class"));
    for (int64_t i = 0; i < 2; ++i) EXPECT_TRUE(at::equal(batch.data()[i], expected.data()[0])) << i;
    EXPECT_TRUE(at::equal(batch.target(), at::tensor({int64_t{7}, int64_t{8}}, at::kLong)));
  }
}

TEST(EncodedPictures, AreDecodedAndChangedAsThoseOfFolders) {
  const auto change = [](const auto& dataset) {
    return first_batch_of(dataset.mode(ImageMode::kGray).transform(transforms::Resize({5, 4})));
  };
  const Batch batch = change(EncodedPictures(Files{kLabels}, "file"));
  EXPECT_TRUE(at::equal(batch.data()[1], change(ImageFiles(rgb())).data()[0]));
  EXPECT_FALSE(batch.columns().contains("label"));
}

TEST(EncodedPictures, WhatIsNoFileOrNoLabelIsAnErrorWithTheSample) {
  const auto error = [](const SampleValue& label, const std::string& image) {
    return error_of([&] { first_batch_of(EncodedPictures(Files{{int64_t{1}, label}}, image, "class")); });
  };
  EXPECT_THAT(error(std::string("seven"), "file"),
              EndsWith("cannot read 'entry 1': field 'class' is a string, and no label: one whole number"));
  EXPECT_THAT(error(at::tensor({int64_t{1}, int64_t{2}}, at::kLong), "file"), HasSubstr("'class' is a tensor"));
  EXPECT_THAT(error(int64_t{1}, "class"),
              HasSubstr("'entry 0': field 'class' is an integer, and no file: a string or a tensor of bytes"));
  EXPECT_THAT(error(int64_t{1}, "picture"), HasSubstr("picture"));
}

}  // namespace
}  // namespace millrace::encoded_pictures_test
