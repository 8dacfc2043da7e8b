#include "millrace/loader/datasets/arrays.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/environment.h"
#include "millrace/tests/support/paths.h"

namespace millrace {
namespace {

namespace fs = std::filesystem;
using millrace::test::Directory;
using millrace::test::error_of;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string npy(const std::string& name) { return test::data("npy/" + name); }

// scripts/make_golden.py had NumPy write these files.
TEST(NpyArray, ReadsEveryDtypeThatNumPyWrites) {
  const std::vector<std::pair<std::string, c10::ScalarType>> types = {
      {"bool", at::kBool},
      {"uint8", at::kByte},
      {"uint16", at::kUInt16},
      {"uint32", at::kUInt32},
      {"uint64", at::kUInt64},
      {"int8", at::kChar},
      {"int16", at::kShort},
      {"int32", at::kInt},
      {"int64", at::kLong},
      {"float16", at::kHalf},
      {"float32", at::kFloat},
      {"float64", at::kDouble},
      {"version2", at::kFloat},
      {"version3", at::kFloat},
      {"complex64", at::kComplexFloat},
      {"complex128", at::kComplexDouble},
  };
  for (const auto& [name, dtype] : types) {
    const NpyDataset dataset({npy(name + ".npy")});
    EXPECT_EQ(dataset.spec(), (SampleSpec{{name, dtype, {3}}})) << name;
    const auto batch = test::read_all(dataset);
    at::Tensor expected = at::arange(6, at::kLong).view({2, 3});
    if (name == "bool") expected = expected.remainder(2);
    if (c10::isComplexType(dtype)) expected = expected.mul(c10::complex<double>(1, 2));
    EXPECT_TRUE(at::equal(batch.data(), expected.to(dtype))) << name << batch.data();
  }
}

TEST(NpyDataset, GivesRowIOfEachFile) {
  const NpyDataset dataset({npy("float32.npy"), npy("labels.npy")});
  EXPECT_EQ(dataset.size(), 2U);
  EXPECT_EQ(to_string(dataset.spec()), "float32: Float [3], labels: Long []");
  EXPECT_EQ(dataset.describe(1), npy("float32.npy") + "[1]");
  const auto batch = test::read_all(dataset);
  EXPECT_TRUE(at::equal(batch.data(), at::arange(6, at::kFloat).view({2, 3})));
  EXPECT_TRUE(at::equal(batch.target(), at::tensor({7, 9}, at::kLong)));
  EXPECT_EQ(NpyDataset({npy("float32.npy")}, {"x"}).spec().fields[0].name, "x");
  EXPECT_EQ(NpyDataset({npy("no_rows.npy")}).size(), 0U);
}

TEST(NpyDataset, RoundsFloat64ToFloat32WhereItIsToldTo) {
  const NpyDataset kept({npy("float64.npy"), npy("int64.npy")}, {"x", "n"});
  const NpyDataset narrowed = kept.float64(Float64::kAsFloat32);
  EXPECT_EQ(to_string(narrowed.spec()), "x: Float [3], n: Long [3]");
  const auto batch = test::read_all(test::travelled(narrowed));
  EXPECT_TRUE(at::equal(batch["x"], test::read_all(kept)["x"].to(at::kFloat)));
  EXPECT_TRUE(at::equal(batch["n"], test::read_all(kept)["n"]));
  EXPECT_EQ(narrowed.float64(Float64::kKept).spec(), kept.spec());
  test::expect_the_same_in_every_mode(narrowed);
}

TEST(NpyDataset, IsTheSameInEveryMode) { test::expect_the_same_in_every_mode(NpyDataset({npy("float64.npy")})); }

TEST(NpyDataset, TravelsAsTheFileThatWasOpened) {
  const Directory directory;
  const std::string path = directory.path() + "/x.npy";
  fs::copy_file(npy("int64.npy"), path);
  const NpyDataset dataset({path});
  fs::remove(path);
  fs::copy_file(npy("float64.npy"), path);
  const auto arrived = test::travelled(dataset);
  EXPECT_TRUE(at::equal(test::read_all(arrived).data(), at::arange(6, at::kLong).view({2, 3})));
}

TEST(NpyDataset, RefusesAFileThatBecameShorter) {
  const Directory directory;
  const std::string path = directory.path() + "/x.npy";
  fs::copy_file(npy("int64.npy"), path);
  const NpyDataset dataset({path});
  fs::resize_file(path, 130);
  EXPECT_EQ(error_of([&] { test::travelled(dataset); }), "npy: '" + path + "' has become shorter since it was opened");
}

TEST(NpyDataset, AFileRewrittenInPlaceIsAnErrorAtTheNextReading) {
  const Directory directory;
  const std::string path = directory.path() + "/x.npy";
  fs::copy_file(npy("int64.npy"), path);
  const NpyDataset dataset({path});
  const auto arrived = test::travelled(dataset);
  test::read_all(arrived);
  std::fstream(path, std::ios::in | std::ios::out | std::ios::binary).seekp(-8, std::ios::end) << "changed!";
  fs::last_write_time(path, fs::last_write_time(path) + std::chrono::seconds(1));  // However coarse the clock is.
  for (const auto& each : {dataset, arrived})
    EXPECT_THAT(error_of([&] { test::read_all(each); }),
                HasSubstr("npy: '" + path + "' has changed since it was opened; make the dataset anew"));
}

TEST(NpyArray, FifoIsRefusedByKindWithoutWaiting) {
  const Directory directory;
  const std::string path = directory.path() + "/x.npy";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(error_of([&] { NpyArray{path}; }), "npy: cannot read '" + path + "': a FIFO, not a regular file");
}

TEST(NpyArray, HomeFoldersAreExpanded) {
  const Directory directory;
  fs::copy_file(npy("int64.npy"), directory.path() + "/x.npy");
  const test::Environment home("HOME", directory.path());
  EXPECT_EQ(NpyArray("~/x.npy").path(), directory.path() + "/x.npy");
}

TEST(NpyArray, ReadsWhatPython2Wrote) {
  const Directory directory;
  std::string header = "{'descr': '<i8', 'fortran_order': False, 'shape': (2L, 3L), }";
  header.resize(69, ' ');
  std::string content("\x93NUMPY\1\0", 8);
  content += {static_cast<char>(header.size() + 1), '\0'};
  directory.write("x.npy", content + header + "\n" + std::string(48, '\0'));
  EXPECT_EQ(NpyArray(directory.path() + "/x.npy").shape(), (std::vector<int64_t>{2, 3}));
}

TEST(NpyDataset, RefusesFilesThatDoNotMatch) {
  const auto error = [](const std::vector<std::string>& paths, const std::vector<std::string>& names = {}) {
    return error_of([&] { NpyDataset(paths, names); });
  };
  EXPECT_EQ(error({}), "NpyDataset: at least one file is needed");
  EXPECT_EQ(error({npy("int8.npy")}, {"a", "b"}), "NpyDataset: names: 2 for 1 file");
  EXPECT_EQ(error({npy("int8.npy"), npy("int8.npy")}),
            "NpyDataset: names: two fields are called 'int8'; give each its own");
  EXPECT_EQ(error({npy("int8.npy")}, {""}), "NpyDataset: names: a field has an empty name; give each one");
  EXPECT_THAT(error({npy("int8.npy"), npy("no_rows.npy")}),
              AllOf(HasSubstr("int8.npy' has 2 rows, but '"), HasSubstr("no_rows.npy' 0: sample i is row i of each")));
  EXPECT_THAT(error({npy("single.npy")}), HasSubstr("is a single number, which has no rows"));
  EXPECT_EQ(error_of([] {
              const NpyDataset dataset({npy("int8.npy")});
              std::vector<std::byte> memory(3);
              std::byte* rows[] = {memory.data()};
              const SampleSpec spec = dataset.spec();
              SampleRow row(spec, rows);
              SampleContext context(0, 0);
              dataset.read(2, row, context);
            }),
            "NpyDataset: index 2 is outside a dataset of 2 samples");
}

TEST(NpyArray, RefusesWhatIsNoTensorAndSaysWhatToDo) {
  const auto error = [](const std::string& name) { return error_of([&] { NpyArray(npy(name)); }); };
  EXPECT_EQ(error("fortran.npy"), "npy: '" + npy("fortran.npy") +
                                      "' is in Fortran order, its rows are not in one piece: save "
                                      "numpy.ascontiguousarray(array)");
  EXPECT_THAT(error("big_endian.npy"), HasSubstr("'>f4', which is big-endian: save array.astype("));
  EXPECT_THAT(error("objects.npy"), HasSubstr("'|O', Python objects, which only Python can read: save numbers"));
  EXPECT_THAT(error("strings.npy"), HasSubstr("has dtype '<U5', which no tensor has: save another"));
  EXPECT_THAT(error("structured.npy"), HasSubstr("is a structured array"));
  EXPECT_THAT(error("archive.npz"), HasSubstr("is an archive, such as numpy.savez writes: open it with npz_dataset()"));
  EXPECT_THAT(error("none.npy"), HasSubstr("npy: cannot read '" + npy("none.npy") + "': No such file or directory"));
}

TEST(NpyArray, RefusesBrokenFiles) {
  const Directory directory;
  const auto error = [&](const std::string& content) {
    directory.write("x.npy", content);
    return error_of([&] { NpyArray(directory.path() + "/x.npy"); });
  };
  std::ifstream file(npy("int64.npy"), std::ios::binary);
  const std::string whole{std::istreambuf_iterator<char>(file), {}};
  const auto replaced = [&](const std::string& from, const std::string& to) {
    return std::string(whole).replace(whole.find(from), from.size(), to);
  };
  EXPECT_EQ(error(whole), "no error");
  EXPECT_THAT(error(""), HasSubstr("is no .npy file"));
  EXPECT_THAT(error("1,2,3\n"), HasSubstr("is no .npy file (those begin with \\x93NUMPY): write it with numpy.save"));
  EXPECT_THAT(error(replaced(std::string("Y\1"), "Y\4")), HasSubstr("has version 4 of the format, known are 1 to 3"));
  for (const size_t bytes : {size_t{7}, size_t{9}, size_t{30}, size_t{127}})
    EXPECT_THAT(error(whole.substr(0, bytes)), HasSubstr("ends in its header, after")) << bytes;
  EXPECT_THAT(error(whole.substr(0, 150)),
              HasSubstr("holds 22 bytes of the 48 that its header promises: write or copy"));
  EXPECT_THAT(error(replaced("'shape'", "'shapE'")), HasSubstr("has a header that NumPy does not write"));
  EXPECT_THAT(error(replaced("(2, 3)", "(2, -)")), HasSubstr("has a header that NumPy does not write, '-)"));
  EXPECT_THAT(error(replaced("(2, 3), }     ", "(4294967296,4294967296)}").substr(0, 128)),
              HasSubstr("impossible shape"));
}

}  // namespace
}  // namespace millrace
