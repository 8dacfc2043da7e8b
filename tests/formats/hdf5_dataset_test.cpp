#include "millrace/formats/hdf5_dataset.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/tests/formats/damage.h"
#include "millrace/tests/formats/modes.h"
#include "millrace/tests/formats/python_files.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/error_of.h"

// libhdf5 1.10 does not give back all that it had read of a damaged file.
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace millrace::hdf5_dataset_test {
namespace {

using test::error_of;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// What a damaged file promises may be more than there is memory for; the first rows show whether it is read.
std::string text_of(Hdf5Dataset dataset) {
  const SampleSpec spec = dataset.spec();
  std::string text = to_string(spec) + "\n";
  std::vector<std::vector<std::byte>> fields;
  std::vector<std::byte*> rows;
  constexpr size_t kMost = 1 << 20;
  for (const auto& field : spec.fields)
    if (field.bytes() > kMost) return text;
  for (const auto& field : spec.fields) fields.emplace_back(field.bytes());
  for (auto& field : fields) rows.push_back(field.data());
  SampleRow row(spec, rows);
  SampleContext context(0, -1);
  for (size_t i = 0; i < std::min<size_t>(dataset.size(), 100); ++i) {
    dataset.read(i, row, context);
    for (const auto& field : fields) text.append(reinterpret_cast<const char*>(field.data()), field.size());
  }
  return text;
}

// How many bytes of the samples are others, behind as many fields and of as many bytes; nothing where these are others.
std::optional<size_t> changed_bytes(const std::string& text, const std::string& right) {
  const auto split = [](std::string_view all) {
    const size_t end = all.find('\n');
    return std::pair(std::ranges::count(all.substr(0, end), ':'), all.substr(end));
  };
  const auto [fields, samples] = split(text);
  const auto [right_fields, expected] = split(right);
  if (fields != right_fields || samples.size() != expected.size()) return std::nullopt;
  return std::inner_product(samples.begin(), samples.end(), expected.begin(), size_t{0}, std::plus<>(),
                            std::not_equal_to<>());
}

class PythonHdf5 : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::written_by_python("write_hdf5.py", folder_.path())) GTEST_SKIP() << test::kNoLibrary;
    const std::string error = error_of([&] { Hdf5Dataset(path("plain.h5")); });
    if (error.find("needs libhdf5") != error.npos) GTEST_SKIP() << error;
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  test::Directory folder_;
};

TEST_F(PythonHdf5, RowIOfEachDatasetIsSampleI) {
  for (const char* name : {"plain.h5", "packed.h5", "summed.h5"}) {
    const Hdf5Dataset dataset(path(name));
    ASSERT_EQ(to_string(dataset.spec()),
              "big_endian: Float [], even: Bool [], images: Byte [3, 8, 8], labels: Long [], scores: Half []")
        << name;
    ASSERT_EQ(dataset.size(), 50U);
    const auto batch = test::read_all(test::travelled(dataset));
    const auto numbers = at::arange(50, at::kLong);
    EXPECT_TRUE(at::equal(batch["images"], numbers.to(at::kByte).view({50, 1, 1, 1}).expand({50, 3, 8, 8}))) << name;
    EXPECT_TRUE(at::equal(batch["labels"], numbers * numbers)) << name;
    EXPECT_TRUE(at::equal(batch["even"], numbers % 2 == 0)) << name;
    EXPECT_TRUE(at::equal(batch["big_endian"], numbers.to(at::kFloat))) << name;
    EXPECT_TRUE(at::equal(batch["scores"], (numbers / 4.0).to(at::kHalf))) << name;
    test::expect_the_same_with_workers(dataset, "hdf5, path: '" + path(name) + "'");
  }
  EXPECT_EQ(to_string(Hdf5Dataset(path("plain.h5"), {"inner/labels"}).spec()), "inner/labels: Long []");
  EXPECT_EQ(Hdf5Dataset(path("plain.h5")).describe(17), path("plain.h5") + "[17]");
}

TEST_F(PythonHdf5, AForkedWorkerOpensTheFileThatTheTrainerHasReadFrom) {
  Hdf5Dataset dataset(path("packed.h5"));
  const std::string before = text_of(dataset);
  auto loader = make_data_loader(dataset, testing::processes(StartMethod::kFork, 2).options(7));
  int64_t samples = 0;
  for (auto& batch : *loader) samples += batch.size();
  EXPECT_EQ(samples, 50);
  EXPECT_EQ(text_of(dataset), before);
}

TEST_F(PythonHdf5, DamagedFilesAreErrorsByName) {
  constexpr const char* kPlace = "superblock|root group|dataset '[^']+'";
  const auto read = [&](const std::string& name) { return [file = path(name)] { return text_of(Hdf5Dataset(file)); }; };
  // All of this file has checksums; of the next, what is packed by gzip.
  test::expect_errors_or_the_right_samples(path("summed.h5"), {144, 144, kPlace}, read("summed.h5"));
  test::expect_errors_or_the_right_samples(path("packed.h5"), {75, 75, kPlace}, read("packed.h5"));
  // Here no other values are changed than those that were damaged, but where a header, which has no sum, gives all of
  // an array another type of the same size.
  int of_other_types = 0;
  test::expect_errors_by_name(path("plain.h5"), {70, 70, kPlace}, read("plain.h5"),
                              [&](const std::string& samples, const std::string& right) {
                                const auto changed = changed_bytes(samples, right);
                                of_other_types += changed && *changed > test::kMostChanges ? 1 : 0;
                                return changed.has_value();
                              });
  EXPECT_LE(of_other_types, 1) << "of 200 damaged files";
}

TEST_F(PythonHdf5, RefusesWhatHasNoRowsOrNoTensorOrLiesElsewhere) {
  const std::string odd = path("odd.h5"), file = "hdf5: '" + odd + "' has dataset ";
  const auto error = [&](const std::vector<std::string>& names) { return error_of([&] { Hdf5Dataset(odd, names); }); };
  EXPECT_EQ(error({"number"}), file + "'number', which is a single number, which has no rows");
  EXPECT_THAT(error({"texts"}), StartsWith(file + "'texts', which has a type that no tensor has"));
  EXPECT_EQ(error({"few", "many"}), "hdf5: '" + odd +
                                        "' has 3 rows in 'few', but 4 in 'many': sample i is row i of each; name "
                                        "datasets of one length");
  EXPECT_THAT(error({"elsewhere"}), HasSubstr("has no readable dataset 'elsewhere'"));
  EXPECT_EQ(error({"virtual"}),
            file + "'virtual', which lies in other files, which are not opened: copy it into one file");
  EXPECT_THAT(error({"none"}), HasSubstr("has no readable dataset 'none'"));
  EXPECT_THAT(error_of([&] { Hdf5Dataset(path("lzf.h5")); }), HasSubstr("which is compressed by filter 32000, 'lzf'"));
}

TEST_F(PythonHdf5, AFileThatWasWrittenToIsAnErrorAtTheNextReading) {
  Hdf5Dataset dataset(path("plain.h5"));
  text_of(dataset);
  std::filesystem::resize_file(path("plain.h5"), 3000);
  EXPECT_EQ(error_of([&] { text_of(dataset); }).substr(0, 40), ("hdf5: '" + path("plain.h5") + "' ").substr(0, 40));
}

TEST(Hdf5Dataset, RefusesWhatIsNoHdf5ByName) {
  const test::Directory folder;
  folder.write("text.h5", std::string(10'000, 'x'));
  EXPECT_THAT(error_of([&] { Hdf5Dataset(folder.path() + "/text.h5"); }),
              StartsWith("hdf5: '" + folder.path() + "/text.h5' "));
  EXPECT_THAT(error_of([&] { Hdf5Dataset(folder.path() + "/no.h5"); }), StartsWith("hdf5: cannot read '"));
}

}  // namespace
}  // namespace millrace::hdf5_dataset_test
