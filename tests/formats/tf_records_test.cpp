#include "millrace/formats/tf_records.h"

#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "millrace/tests/formats/damage.h"
#include "millrace/tests/formats/modes.h"
#include "millrace/tests/formats/python_files.h"
#include "millrace/tests/formats/small_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::tf_records_test {
namespace {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string text_of(TfRecords records) {
  std::string text;
  for (size_t i = 0; i < records.size(); ++i) {
    for (const auto& field : records.get(i)) {
      text += field.name + "=";
      if (const auto* string = std::get_if<std::string>(&field.value)) text += *string;
      if (const auto* tensor = std::get_if<at::Tensor>(&field.value))
        text.append(static_cast<const char*>(tensor->const_data_ptr()), tensor->nbytes());
    }
    text += "\n";
  }
  return text;
}

class PythonRecords : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::written_by_python("write_tfrecord.py", folder_.path())) GTEST_SKIP() << test::kNoLibrary;
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  test::Directory folder_;
};

TEST_F(PythonRecords, FeaturesAreFieldsOfTheSample) {
  TfRecords records(path("part-{0..1}.tfrecord"));
  ASSERT_EQ(records.size(), 50U);
  EXPECT_THAT(records.shard_sizes(), ElementsAre(30, 20));
  for (const size_t i : {49, 0, 30, 29, 7}) {
    const Sample sample = records.get(i);
    EXPECT_EQ(to_string(sample), "id: a tensor, name: a string, values: a tensor");
    const auto n = static_cast<float>(i);
    EXPECT_TRUE(at::equal(sample.get<at::Tensor>("id"), at::tensor({static_cast<int64_t>(i)}, at::kLong))) << i;
    EXPECT_TRUE(at::equal(sample.get<at::Tensor>("values"), at::tensor({n, n + 0.5F, n / 4}, at::kFloat))) << i;
    EXPECT_EQ(sample.get<std::string>("name"), "sample " + std::to_string(i));
  }
  EXPECT_EQ(records.describe(30), path("part-1.tfrecord") + ", record 0 at byte 0");
}

TEST_F(PythonRecords, AnEpochIsTheSameWithWorkers) {
  const TfRecords records(path("part-{0..1}.tfrecord")), few(path("part-{0..1}.tfrecord"), {"values", "id"});
  EXPECT_EQ(text_of(test::travelled(records)), text_of(records));
  const std::string section = "tfrecord, files: '" + path("part-{0..1}.tfrecord") + "'";
  test::expect_the_same_with_workers(records, section);
  test::expect_the_same_with_workers(few, section + ", features: [values, id]");
}

TEST_F(PythonRecords, DamagedFilesAreErrorsByName) {
  test::expect_errors_by_name(
      path("part-0.tfrecord"), {200, 200, "record at byte [0-9]+"},
      [&] { return text_of(TfRecords(path("part-0.tfrecord"))); },
      // A file that ends between two records is a shorter file.
      [](const std::string& samples, const std::string& right) { return right.starts_with(samples); });
}

TEST_F(PythonRecords, RefusesWhatItDoesNotReadByFileAndByte) {
  const auto error = [&](const std::string& name, const std::vector<std::string>& features = {}) {
    return error_of([&] { TfRecords(path(name), features); });
  };
  EXPECT_EQ(error("several.tfrecord"),
            "tfrecord: '" + path("several.tfrecord") +
                "' has a record at byte 0 that has 2 byte strings in feature 'words', read are features of one; name "
                "those to read");
  EXPECT_EQ(error("several.tfrecord", {"id", "name"}), "no error");
  EXPECT_THAT(error("several.tfrecord", {"empty"}), HasSubstr("has nothing in feature 'empty'"));
  EXPECT_THAT(error("several.tfrecord", {"label"}),
              HasSubstr("that has no feature 'label', it has id, name, values, words"));
  EXPECT_THAT(error("texts.tfrecord"), HasSubstr("has a record at byte 0 that is no tf.train.Example"));
  EXPECT_THAT(error("packed.tfrecord"), HasSubstr("is compressed by gzip"));
  EXPECT_EQ(TfRecords(path("nothing.tfrecord")).size(), 0U);
  EXPECT_THAT(error("no.tfrecord"), StartsWith("tfrecord: cannot read '"));
}

TEST_F(PythonRecords, AFileThatBecameShorterIsAnErrorAndNotTheEnd) {
  TfRecords records(path("part-0.tfrecord"));
  records.get(3);
  std::filesystem::resize_file(path("part-0.tfrecord"), 10);
  EXPECT_EQ(error_of([&] { records.get(20); }),
            "tfrecord: '" + path("part-0.tfrecord") + "' has changed since it was opened; make the dataset anew");
  TfRecords copy = records;
  EXPECT_THAT(error_of([&] { copy.get(20); }), HasSubstr("has changed since the dataset was made"));
}

TEST(TfRecords, ReadsAFileOfOneRecord) {
  const test::Directory folder;
  folder.write("small.tfrecord", test::small_tfrecord());
  TfRecords records(folder.path() + "/small.tfrecord");
  ASSERT_EQ(records.size(), 1U);
  EXPECT_TRUE(at::equal(records.get(0).get<at::Tensor>("id"), at::tensor({int64_t{5}}, at::kLong)));
}

// Two records, the second of which begins at its half.
std::string two_records() { return test::small_tfrecord() + test::small_tfrecord(); }

class KeptIndex : public ::testing::Test {
 protected:
  void SetUp() override { folder_.write("two.tfrecord", two_records()); }

  std::string path() const { return folder_.path() + "/two.tfrecord"; }
  std::string index() const { return path() + ".index"; }
  size_t records() const { return TfRecords(path()).size(); }

  // Changes a byte of the file, whose time and size stay what they were.
  void change_byte(size_t at) const {
    const auto time = std::filesystem::last_write_time(path());
    std::fstream file(path(), std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at));
    file.put('\x7f');
    file.close();
    std::filesystem::last_write_time(path(), time);
  }

  test::Directory folder_;
};

TEST_F(KeptIndex, IsReadInPlaceOfTheLengths) {
  ASSERT_EQ(records(), 2U);
  EXPECT_EQ(std::filesystem::file_size(index()), 32U + 2 * 8);
  const size_t second = two_records().size() / 2;
  change_byte(second);
  TfRecords by_index(path());
  EXPECT_EQ(by_index.size(), 2U);
  EXPECT_THAT(error_of([&] { by_index.get(1); }), HasSubstr("has a damaged length"));
  std::filesystem::remove(index());
  EXPECT_THAT(error_of([&] { records(); }), HasSubstr("has a damaged length"));
}

TEST_F(KeptIndex, OfAnotherStateOfTheFileIsNoIndex) {
  ASSERT_EQ(records(), 2U);
  std::filesystem::remove(path());
  folder_.write("two.tfrecord", test::small_tfrecord());
  EXPECT_EQ(records(), 1U);
  EXPECT_EQ(std::filesystem::file_size(index()), 32U + 8);
}

TEST_F(KeptIndex, ThatIsDamagedIsMadeAnew) {
  ASSERT_EQ(records(), 2U);
  const std::string right = test::bytes_of(index());
  for (unsigned seed = 0; seed < 200; ++seed) {
    std::ofstream(index(), std::ios::binary) << test::damaged(right, seed);
    EXPECT_EQ(records(), 2U) << seed;
    EXPECT_EQ(test::bytes_of(index()), right) << seed;
  }
}

TEST_F(KeptIndex, IsNotNeeded) {
  std::filesystem::create_directory(index());  // So that no index can be written.
  EXPECT_EQ(records(), 2U);
  EXPECT_TRUE(std::filesystem::is_directory(index()));
}

TEST_F(KeptIndex, IsForWhomTheFileIsFor) {
  std::filesystem::permissions(path(), std::filesystem::perms(0640));
  ASSERT_EQ(records(), 2U);
  EXPECT_EQ(std::filesystem::status(index()).permissions(), std::filesystem::perms(0640));
}

}  // namespace
}  // namespace millrace::tf_records_test
