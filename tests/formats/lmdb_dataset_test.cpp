#include "millrace/formats/lmdb_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/formats/damage.h"
#include "millrace/tests/formats/modes.h"
#include "millrace/tests/formats/python_files.h"
#include "millrace/tests/formats/small_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

namespace millrace::lmdb_dataset_test {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string key_of(size_t i) {
  const std::string digits = std::to_string(i);
  return std::string(8 - digits.size(), '0') + digits;
}

// What write_lmdb.py writes.
void expect_entries(const LmdbDataset& dataset) {
  ASSERT_EQ(dataset.size(), 400U);
  for (size_t step = 0; step < 400; ++step) {
    const size_t i = step * 149 % 400;  // At random.
    ASSERT_EQ(dataset.key(i), key_of(i));
    const auto value = dataset.value(i);
    ASSERT_EQ(value.size(), 37 * i);
    ASSERT_TRUE(std::ranges::all_of(value, [&](std::byte each) { return each == static_cast<std::byte>(i); })) << i;
    ASSERT_EQ(dataset.find(key_of(i)), i);
  }
  EXPECT_EQ(dataset.find("0"), std::nullopt);
  EXPECT_EQ(dataset.find("x"), std::nullopt);
  EXPECT_EQ(to_string(dataset.get(3)), "key: a string, value: a string");
  EXPECT_EQ(dataset.get(3).get<std::string>("value"), std::string(111, '\3'));
}

class PythonLmdb : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::written_by_python("write_lmdb.py", folder_.path())) GTEST_SKIP() << test::kNoLibrary;
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  test::Directory folder_;
};

TEST_F(PythonLmdb, EntriesAreSamplesInTheOrderOfTheirKeys) {
  expect_entries(LmdbDataset(path("folder.lmdb")));
  expect_entries(test::travelled(LmdbDataset(path("folder.lmdb"))));
  EXPECT_EQ(LmdbDataset(path("folder.lmdb")).describe(17), path("folder.lmdb/data.mdb") + ": 00000017");
}

TEST_F(PythonLmdb, ValuesAreTensorsWhereThatIsAsked) {
  const LmdbDataset dataset = test::travelled(LmdbDataset(path("file.lmdb"), "", LmdbValues::kTensor));
  const Sample sample = dataset.get(3);
  EXPECT_EQ(sample.get<std::string>("key"), key_of(3));
  const auto& value = sample.get<at::Tensor>("value");
  EXPECT_EQ(value.scalar_type(), at::kByte);
  EXPECT_EQ(value.numel(), 111);
  EXPECT_TRUE(value.eq(3).all().item<bool>());
  EXPECT_EQ(dataset.get(0).get<at::Tensor>("value").numel(), 0);
}

TEST_F(PythonLmdb, WhatIsSeenIsTheLastTransaction) { expect_entries(LmdbDataset(path("file.lmdb"))); }

TEST_F(PythonLmdb, ADatabaseInsideIsNamed) {
  expect_entries(LmdbDataset(path("named.lmdb"), "train"));
  EXPECT_EQ(LmdbDataset(path("named.lmdb"), "empty").size(), 0U);
  const auto error = [&](const std::string& name) { return error_of([&] { LmdbDataset(path("named.lmdb"), name); }); };
  const std::string file = "lmdb: '" + path("named.lmdb") + "' ";
  EXPECT_EQ(error(""), file + "has databases inside, of which one is to be named");
  EXPECT_EQ(error("test"), file + "has no database 'test'");
  EXPECT_EQ(error("several"), file + "has several values a key (dupsort), which are not read");
}

TEST_F(PythonLmdb, AnEpochIsTheSameWithWorkers) {
  test::expect_the_same_with_workers(LmdbDataset(path("file.lmdb")), "lmdb, path: '" + path("file.lmdb") + "'");
  test::expect_the_same_with_workers(LmdbDataset(path("named.lmdb"), "train"),
                                     "lmdb, path: '" + path("named.lmdb") + "', database: train");
}

TEST_F(PythonLmdb, DamagedFilesAreErrorsByName) {
  // Values have no checksum, nor have keys; their order and number are checked. So no other entries are changed than
  // those that were damaged.
  using Entries = std::vector<std::pair<std::string, std::string>>;
  Entries entries;
  const auto read = [&] {
    const LmdbDataset dataset(path("small.lmdb"));
    entries.clear();
    std::string text;
    for (size_t i = 0; i < dataset.size(); ++i) {
      entries.emplace_back(dataset.key(i), dataset.get(i).get<std::string>("value"));
      text += entries.back().first + entries.back().second;
    }
    return text;
  };
  read();
  const Entries right = entries;
  ASSERT_EQ(right.size(), 300U);
  test::expect_errors_by_name(path("small.lmdb"), {79, 77, "at byte [0-9]+|page [0-9]+"}, read,
                              [&](const std::string&, const std::string&) {
                                if (entries.size() != right.size()) return false;
                                size_t changed = 0;
                                for (size_t i = 0; i < right.size(); ++i) changed += entries[i] != right[i] ? 1 : 0;
                                return changed <= test::kMostChanges;
                              });
}

TEST_F(PythonLmdb, ACircleOfPagesIsAnError) {
  // The children of a branch page are the branch page itself: found by its flag, on 4096 bytes a page.
  std::string bytes = test::bytes_of(path("small.lmdb"));
  bool found = false;
  for (size_t page = 0; page + 4096 <= bytes.size(); page += 4096) {
    if (static_cast<unsigned char>(bytes[page + 10]) != 0x01) continue;
    const auto at = static_cast<unsigned char>(bytes[page + 16]) + 256 * static_cast<unsigned char>(bytes[page + 17]);
    bytes[page + static_cast<size_t>(at)] = static_cast<char>(page / 4096);
    found = true;
  }
  ASSERT_TRUE(found);
  std::ofstream(path("circle.lmdb"), std::ios::binary) << bytes;
  EXPECT_THAT(error_of([&] { LmdbDataset(path("circle.lmdb")); }), HasSubstr("circle.lmdb' is damaged at byte "));
}

TEST_F(PythonLmdb, AFileThatBecameShorterIsAnErrorAndNotTheEnd) {
  const LmdbDataset dataset(path("file.lmdb"));
  std::filesystem::resize_file(path("file.lmdb"), 10);
  EXPECT_EQ(error_of([&] { dataset.value(300); }),
            "lmdb: '" + path("file.lmdb") + "' has changed since it was opened; make the dataset anew");
}

TEST_F(PythonLmdb, AFileThatBecameShorterIsAnErrorInEveryLoader) {
  const LmdbDataset dataset(path("file.lmdb"));
  std::filesystem::resize_file(path("file.lmdb"), 10);
  EXPECT_EQ(dataset.describe(300),
            path("file.lmdb") + ": entry 300");  // The trainer names what a worker could not read.
  const std::string changed =
      "lmdb: '" + path("file.lmdb") + "' has changed since it was opened; make the dataset anew";
  EXPECT_EQ(error_of([&] { dataset.key(300); }), changed);
  EXPECT_EQ(error_of([&] { dataset.find("x"); }), changed);
  for (const auto& mode : {testing::kInline, testing::processes(StartMethod::kFork, 1)})
    EXPECT_THAT(error_of([&] { make_data_loader(dataset, mode.options(16).shuffle(true))->next(); }),
                HasSubstr(changed))
        << mode.name;
}

TEST(LmdbDataset, ReadsAFileOfOnePage) {
  const test::Directory folder;
  folder.write("small.lmdb", test::small_lmdb());
  const LmdbDataset dataset(folder.path() + "/small.lmdb");
  ASSERT_EQ(dataset.size(), 1U);
  EXPECT_EQ(dataset.key(0), "ab");
  EXPECT_EQ(dataset.get(0).get<std::string>("value"), "hello");
}

TEST(LmdbDataset, RefusesWhatIsNoLmdb) {
  const test::Directory folder;
  folder.write("short", "x");
  folder.write("text", std::string(10'000, 'x'));
  EXPECT_THAT(error_of([&] { LmdbDataset(folder.path() + "/short"); }), HasSubstr("/short' is no LMDB file, it has 1"));
  EXPECT_THAT(error_of([&] { LmdbDataset(folder.path() + "/text"); }), HasSubstr("/text' has no LMDB page at byte 0"));
  EXPECT_THAT(error_of([&] { LmdbDataset(folder.path()); }), StartsWith("lmdb: cannot read '"));
}

}  // namespace
}  // namespace millrace::lmdb_dataset_test
