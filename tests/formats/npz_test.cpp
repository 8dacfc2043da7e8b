#include "millrace/formats/npz.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include "millrace/tests/formats/damage.h"
#include "millrace/tests/formats/modes.h"
#include "millrace/tests/formats/python_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::npz_test {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string text_of(const NpyDataset& dataset) {
  const SampleSpec spec = dataset.spec();
  std::vector<std::vector<std::byte>> fields;
  std::vector<std::byte*> rows;
  for (const auto& field : spec.fields) fields.emplace_back(field.bytes());
  for (auto& field : fields) rows.push_back(field.data());
  SampleRow row(spec, rows);
  SampleContext context(0, -1);
  std::string text = to_string(spec);
  for (size_t i = 0; i < dataset.size(); ++i) {
    dataset.read(i, row, context);
    for (const auto& field : fields) text.append(reinterpret_cast<const char*>(field.data()), field.size());
  }
  return text;
}

class PythonArchives : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::written_by_python("write_npz.py", folder_.path())) GTEST_SKIP() << test::kNoLibrary;
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  test::Directory folder_;
};

TEST_F(PythonArchives, RowIOfEachArrayIsSampleI) {
  for (const char* name : {"stored.npz", "packed.npz"}) {
    const NpyDataset dataset = npz_dataset(path(name));
    ASSERT_EQ(to_string(dataset.spec()), "images: Byte [3, 8, 8], labels: Long [], scores: Double []") << name;
    ASSERT_EQ(dataset.size(), 50U);
    EXPECT_EQ(dataset.describe(3), path(name) + ":images.npy[3]");
    const auto batch = test::read_all(test::travelled(dataset));
    const auto numbers = at::arange(50, at::kLong);
    EXPECT_TRUE(at::equal(batch["images"], numbers.to(at::kByte).view({50, 1, 1, 1}).expand({50, 3, 8, 8}))) << name;
    EXPECT_TRUE(at::equal(batch["labels"], numbers * numbers)) << name;
    EXPECT_TRUE(at::equal(batch["scores"], numbers.to(at::kDouble) / 7)) << name;
    test::expect_the_same_with_workers(dataset, "npz, path: '" + path(name) + "'");
    const auto chosen = npz_dataset(path(name), {"scores", "labels"}).float64(Float64::kAsFloat32);
    EXPECT_EQ(to_string(chosen.spec()), "scores: Float [], labels: Long []");
  }
}

TEST_F(PythonArchives, WhatIsUnpackedNeedsNoFileAnyMore) {
  const NpyDataset dataset = npz_dataset(path("packed.npz"));
  const std::string before = text_of(dataset);
  std::filesystem::resize_file(path("packed.npz"), 10);
  EXPECT_EQ(text_of(test::travelled(dataset)), before);
}

TEST_F(PythonArchives, AFileThatBecameShorterIsAnErrorAndNotTheEnd) {
  const NpyDataset dataset = npz_dataset(path("stored.npz"));
  std::filesystem::resize_file(path("stored.npz"), 10);
  const std::string changed =
      "npy: '" + path("stored.npz") + "' has changed since it was opened; make the dataset anew";
  EXPECT_EQ(error_of([&] { text_of(dataset); }), changed);
  EXPECT_THAT(error_of([&] { test::read_all(dataset); }), HasSubstr(changed));  // In the trainer itself.
}

TEST_F(PythonArchives, DamagedFilesAreErrorsByName) {
  const char* const place = "at byte [0-9]+|from byte [0-9]+|:[a-z]+\\.npy'|'[a-z]+\\.npy'";
  for (const auto& [name, least] :
       std::map<std::string, test::Damages>{{"stored.npz", {199, 148, place}}, {"packed.npz", {194, 141, place}}})
    test::expect_errors_or_the_right_samples(path(name), least, [&] { return text_of(npz_dataset(path(name))); });
}

TEST_F(PythonArchives, RefusesWhatHasNoRowsOrNoTensorByTheArraysName) {
  const std::string odd = path("odd.npz");
  const auto error = [&](const std::vector<std::string>& names) { return error_of([&] { npz_dataset(odd, names); }); };
  EXPECT_EQ(error({"number"}), "npy: '" + odd + ":number.npy' is a single number, which has no rows");
  EXPECT_THAT(error({"texts"}), StartsWith("npz: '" + odd + ":texts.npy' has dtype '<U1'"));
  EXPECT_THAT(error({"fortran"}), StartsWith("npz: '" + odd + ":fortran.npy' is in Fortran order"));
  EXPECT_THAT(error({"few", "many"}), HasSubstr(":many.npy' 4: sample i is row i of each"));
  EXPECT_EQ(error({"none"}), "npz: '" + odd + "' has no array 'none', it has number, texts, few, many, fortran");
  EXPECT_EQ(error({"few", "few"}), "npz: '" + odd + "' is asked for array 'few' twice; name each once");
  EXPECT_EQ(error_of([&] { npz_dataset(path("twice.npz")); }),
            "npz: '" + path("twice.npz") + "' has two arrays 'few'; write it again");
}

TEST_F(PythonArchives, ASizeThatDeflateCannotHaveIsRefusedBeforeMemoryIsTaken) {
  std::string bytes = test::bytes_of(path("packed.npz"));
  const size_t entry = bytes.rfind("PK\x01\x02");
  const uint32_t much = 0xfffffff0;
  bytes.replace(entry + 24, 4, reinterpret_cast<const char*>(&much), 4);
  std::ofstream(path("bomb.npz"), std::ios::binary) << bytes;
  EXPECT_THAT(error_of([&] { npz_dataset(path("bomb.npz")); }),
              HasSubstr("bomb.npz' promises 4294967280 bytes of 'scores.npy' in "));
}

TEST(Npz, RefusesWhatIsNoArchive) {
  const test::Directory folder;
  folder.write("short.npz", "PK");
  folder.write("text.npz", std::string(100, 'x'));
  EXPECT_EQ(error_of([&] { npz_dataset(folder.path() + "/short.npz"); }),
            "npz: '" + folder.path() + "/short.npz' is no archive, it has 2 bytes");
  EXPECT_THAT(error_of([&] { npz_dataset(folder.path() + "/text.npz"); }), HasSubstr("does not end as archives of"));
  EXPECT_THAT(error_of([&] { npz_dataset(folder.path() + "/no.npz"); }), StartsWith("npz: cannot read '"));
}

}  // namespace
}  // namespace millrace::npz_test
