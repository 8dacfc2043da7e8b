#include "millrace/loader/datasets/combinators.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/scalar_tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "millrace/tests/loader/datasets/reading.h"
#include "millrace/tests/loader/datasets_for_tests.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/kept_table.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

using millrace::test::expect_the_same_in_every_mode;
using millrace::test::hash_of;
using millrace::test::travelled;
using millrace::testing::kInline;
using millrace::testing::Numbers;
using ::testing::HasSubstr;
using Indices = std::vector<int64_t>;

/// Gives samples by get(); its "noise" comes from the sample's random stream.
struct Pairs {
  int64_t n = 0;
  int64_t offset = 0;

  size_t size() const { return static_cast<size_t>(n); }
  std::pair<int64_t, double> get(size_t i, SampleContext& context) const {
    return {offset + static_cast<int64_t>(i), context.rng().uniform()};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n, offset);
  }
};

/// Gives samples by get() and cannot be sent.
struct Squares {
  std::vector<int64_t> values{0, 1, 4, 9};
  size_t size() const { return values.size(); }
  int64_t get(size_t i) const { return values[i]; }
};

/// An empty type, which travels without serialize().
struct Tens {
  size_t size() const { return 10; }
  int64_t get(size_t i) const { return static_cast<int64_t>(i) * 10; }
};

template <class Error, class Call>
std::string message_of(Call&& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing was thrown";
}

at::Tensor integers(int64_t n) { return at::arange(n, at::kLong); }

// The one field of type int64 that comes first in each sample.
template <class D>
Indices first_field(const D& dataset) {
  auto loader = make_data_loader(dataset, DataLoaderOptions(3));
  Indices values;
  for (auto& batch : *loader)
    for (int64_t row = 0; row < batch.size(); ++row)
      values.push_back(batch.data().reshape({batch.size(), -1})[row][0].template item<int64_t>());
  return values;
}

// --- TensorDataset ---

TEST(TensorDataset, GivesTheRowsOfItsTensors) {
  const auto x = integers(24).view({6, 4}).transpose(0, 1);  // Not contiguous: 4 rows of 6.
  const TensorDataset dataset({x, at::full({4}, 2.5, at::kFloat)});
  EXPECT_EQ(dataset.size(), 4U);
  EXPECT_EQ(dataset.spec(), (SampleSpec{{"data", at::kLong, {6}}, {"target", at::kFloat, {}}}));
  auto loader = make_data_loader(dataset, DataLoaderOptions(3));
  const auto batch = loader->next();
  EXPECT_TRUE(at::equal(batch->data(), x.slice(0, 0, 3)));
  EXPECT_TRUE(at::equal(batch->target(), at::full({3}, 2.5, at::kFloat)));
}

TEST(TensorDataset, TravelsAsOnePieceOfMemory) {
  const TensorDataset dataset({integers(10'000), integers(30'000).view({10'000, 3})});
  EXPECT_LT(encode(dataset).bytes.size(), 300U);
  EXPECT_EQ(hash_of(travelled(dataset), kInline), hash_of(dataset, kInline));
  expect_the_same_in_every_mode(TensorDataset({integers(50), integers(150).view({50, 3})}));
}

TEST(TensorDataset, NamesFieldsAsTold) {
  const TensorDataset dataset({integers(3), integers(3)}, {"text", "class"});
  EXPECT_EQ(dataset.spec().fields[1].name, "class");
}

TEST(TensorDataset, TakesOneTensorAndMany) {
  EXPECT_EQ(TensorDataset({integers(5)}).spec(), (SampleSpec{{"data", at::kLong, {}}}));
  const std::vector<at::Tensor> many = {integers(10).view({5, 2}), integers(5), integers(60).view({5, 2, 6}),
                                        integers(105).view({5, 3, 7})};
  const TensorDataset dataset(many);
  EXPECT_EQ(dataset.size(), 5U);
  const auto batch = make_data_loader(dataset, DataLoaderOptions(5))->next();
  const std::vector<std::string> names = {"data", "target", "2", "3"};
  for (size_t k = 0; k < many.size(); ++k) EXPECT_TRUE(at::equal((*batch)[names[k]], many[k])) << names[k];
}

TEST(TensorDataset, MayBeEmpty) { EXPECT_EQ(travelled(TensorDataset({integers(0)})).size(), 0U); }

TEST(TensorDataset, RefusesTensorsThatDoNotMatch) {
  const auto refusal = [](std::vector<at::Tensor> tensors, std::vector<std::string> names = {}) {
    return message_of<std::invalid_argument>([&] { TensorDataset(tensors, names); });
  };
  EXPECT_EQ(refusal({integers(3), integers(4)}),
            "TensorDataset: Size mismatch between tensors: 'data' has 3 rows, 'target' has 4");
  EXPECT_EQ(refusal({}), "TensorDataset: at least one tensor is needed");
  EXPECT_EQ(refusal({at::scalar_tensor(1)}),
            "TensorDataset: tensor 'data' has no rows; it must be dense and of at least one dimension");
  EXPECT_EQ(refusal({integers(3)}, {"a", "b"}), "TensorDataset: 2 names for 1 tensor");
}

// --- ConcatDataset ---

TEST(ConcatDataset, PutsDatasetsOneBehindTheOther) {
  ConcatDataset<Pairs> dataset({Pairs{2, 0}, Pairs{0, 50}, Pairs{3, 100}});
  EXPECT_EQ(dataset.size(), 5U);
  EXPECT_EQ(dataset.cumulative_sizes(), (std::vector<uint64_t>{2, 2, 5}));
  EXPECT_EQ(first_field(dataset), (Indices{0, 1, 100, 101, 102}));
}

TEST(ConcatDataset, ReadsInPlaceDescribesAndTravelsWhereTheInnerOnesDo) {
  using OfNumbers = ConcatDataset<Numbers>;
  static_assert(InPlaceDataset<OfNumbers> && !GetDataset<OfNumbers> && detail::Travels<OfNumbers>);
  static_assert(!InPlaceDataset<ConcatDataset<Pairs>> && GetDataset<ConcatDataset<Pairs>>);
  static_assert(!detail::Travels<ConcatDataset<Squares>> && !detail::Describes<ConcatDataset<Squares>>);
  const OfNumbers dataset({Numbers{30}, Numbers{20}});
  EXPECT_EQ(dataset.describe(30), "number 0");
  expect_the_same_in_every_mode(dataset);
  expect_the_same_in_every_mode(ConcatDataset<Pairs>({Pairs{9}, Pairs{9}}));
}

TEST(ConcatDataset, OfAnEmptyTypeTravels) {
  EXPECT_EQ(first_field(travelled(ConcatDataset<Tens>({Tens{}, Tens{}}))).size(), 20U);
}

TEST(ConcatDataset, RefusesNoneAndDifferentSpecsAndIndicesOutside) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { ConcatDataset<Tens>(std::vector<Tens>{}); }),
            "ConcatDataset: datasets should not be an empty iterable");
  ConcatDataset<Numbers> two({Numbers{3, 4}, Numbers{3, 5}});
  EXPECT_THAT(message_of<std::invalid_argument>([&] { two.spec(); }),
              HasSubstr("ConcatDataset: samples of dataset 0 are {data: Long [4]"));
  ConcatDataset<Tens> one({Tens{}});
  EXPECT_EQ(message_of<std::out_of_range>([&] { one.get(10); }),
            "ConcatDataset: index 10 is outside a dataset of 10 samples");
  EXPECT_EQ(message_of<std::out_of_range>([&] { one.get(static_cast<size_t>(-1)); }),
            "ConcatDataset: index -1 is outside a dataset of 10 samples");
}

// --- Subset ---

TEST(Subset, GivesTheChosenSamples) {
  Subset dataset(Tens{}, {7, 0, 7});
  EXPECT_EQ(dataset.size(), 3U);
  EXPECT_EQ(first_field(dataset), (Indices{70, 0, 70}));
  EXPECT_EQ(first_field(travelled(dataset)), (Indices{70, 0, 70}));
  EXPECT_EQ(first_field(Subset(dataset, {1, 2})), (Indices{0, 70}));
  EXPECT_EQ(Subset(Tens{}, {}).size(), 0U);
}

TEST(Subset, ReadsInPlaceDescribesAndTravelsWhereTheInnerOneDoes) {
  static_assert(InPlaceDataset<Subset<Numbers>> && !GetDataset<Subset<Numbers>> && detail::Travels<Subset<Numbers>>);
  static_assert(GetDataset<Subset<Squares>> && !detail::Travels<Subset<Squares>>);
  const Subset dataset(Numbers{100}, Indices{50, 3, 99, 98, 97, 2, 1});
  EXPECT_EQ(dataset.describe(2), "number 99");
  expect_the_same_in_every_mode(dataset);
}

TEST(Subset, RefusesIndicesThatTheDatasetHasNot) {
  EXPECT_EQ(message_of<std::out_of_range>([] { Subset(Tens{}, {3, 10}); }),
            "Subset: indices[1] is 10, but the dataset has 10 samples");
  EXPECT_EQ(message_of<std::out_of_range>([] { Subset(Tens{}, {-1}); }),
            "Subset: indices[0] is -1, but the dataset has 10 samples");
  Subset dataset(Tens{}, {3});
  EXPECT_EQ(message_of<std::out_of_range>([&] { dataset.get(1); }), "Subset: index 1 is outside a dataset of 1 sample");
}

TEST(Subset, AnIndexThatItsMakerWroteLaterIsChecked) {
  Encoded message = encode(Subset(Tens{}, {3, 4}));
  test::KeptTable table(message, 0);
  Subset<Tens> dataset;
  DecodeArchive(message.bytes, message.fds)(dataset);
  EXPECT_EQ(dataset.get(1), 40);
  table.set<int64_t>(1, 10'000'000);
  EXPECT_EQ(message_of<std::out_of_range>([&] { dataset.get(1); }),
            "Subset: indices[1] is 10000000, but the dataset has 10 samples");
}

// --- StackDataset ---

TEST(StackDataset, GivesATupleOfWhatTheInnerOnesGet) {
  StackDataset dataset(Pairs{10, 5}, Tens{});
  SampleContext context(1, 0);
  const auto sample = dataset.get(3, context);
  static_assert(std::is_same_v<decltype(sample), const std::tuple<std::pair<int64_t, double>, int64_t>>);
  EXPECT_EQ(std::get<0>(sample).first, 8);
  EXPECT_EQ(std::get<1>(sample), 30);
  expect_the_same_in_every_mode(dataset);
}

TEST(StackDataset, OfOneKeepsItsTuple) {
  StackDataset dataset(Pairs{3});
  SampleContext context(1, 0);
  static_assert(std::is_same_v<decltype(dataset.get(0, context)), std::tuple<std::pair<int64_t, double>>>);
}

TEST(StackDataset, ReadsInPlaceWhereOneOfThemDoes) {
  using Both = StackDataset<Numbers, Tens>;
  static_assert(InPlaceDataset<Both> && !GetDataset<Both> && detail::Travels<Both>);
  static_assert(!detail::Travels<StackDataset<Numbers, Squares>>);
  Both dataset(Numbers{10, 2}, Tens{});
  EXPECT_EQ(to_string(dataset.spec()), "0.data: Long [2], 0.target: Long [], 0.noise: Double [], 1.data: Long []");
  EXPECT_EQ(dataset.describe(4), "number 4");
  auto loader = make_data_loader(dataset, DataLoaderOptions(10));
  const auto batch = loader->next();
  EXPECT_TRUE(at::equal((*batch)["0.target"], integers(10)));
  EXPECT_TRUE(at::equal((*batch)["1.data"], integers(100).slice(0, 0, 100, 10)));
  expect_the_same_in_every_mode(dataset);
}

TEST(StackDataset, RefusesDatasetsOfDifferentSizes) {
  EXPECT_EQ(message_of<std::invalid_argument>([] { StackDataset(Tens{}, Pairs{9}); }),
            "StackDataset: Size mismatch between datasets: dataset 0 has 10 samples, dataset 1 has 9");
}

// --- random_split ---

template <class D>
test::Lists lists_of(const std::vector<Subset<D>>& splits) {
  test::Lists lists;
  for (const auto& split : splits) lists.emplace_back(split.indices().begin(), split.indices().end());
  return lists;
}

TEST(RandomSplit, DealsOutAsPyTorchDoes) {
  const test::Lists expected{{4, 1, 7, 5}, {3, 9, 0}, {8, 6, 2}};
  EXPECT_EQ(lists_of(random_split(Tens{}, {.33, .33, .34}, 0)), expected);
  EXPECT_EQ(lists_of(random_split(Tens{}, {4, 3, 3})), expected);
  EXPECT_EQ(lists_of(random_split(Tens{}, {4, 3, 3}, at::make_generator<at::CPUGeneratorImpl>(uint64_t{0}))), expected);
}

TEST(RandomSplit, DrawsOnePermutationFromTheGeneratorAndNoMore) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(uint64_t{3});
  random_split(Tens{}, {10}, generator);
  RandomSampler once(10, at::make_generator<at::CPUGeneratorImpl>(uint64_t{3}), {.num_samples = 20});
  for (int i = 0; i < 10; ++i) once.next();
  Indices second;
  for (int i = 0; i < 10; ++i) second.push_back(*once.next());
  EXPECT_EQ(lists_of(random_split(Tens{}, {10}, generator)), test::Lists{second});
}

TEST(RandomSplit, RefusesLengthsThatDoNotSumUp) {
  const auto refusal = [](auto lengths) {
    return message_of<std::invalid_argument>([&] { random_split(Tens{}, lengths); });
  };
  EXPECT_EQ(refusal(std::vector{4, 5}), "random_split: lengths sum to 9; the dataset has 10 samples");
  EXPECT_EQ(refusal(std::vector{11, -1}),
            "random_split: lengths must not be negative, but one is -1; the dataset has 10 samples");
  EXPECT_EQ(refusal(std::vector{.5, .4}), "random_split: fractions sum to 0.900000, but must sum to 1");
  EXPECT_EQ(refusal(std::vector{1.5, -.5}), "random_split: Fraction at index 0 is not between 0 and 1");
}

TEST(RandomSplit, SplitsNothingIntoNothings) { EXPECT_EQ(random_split(Pairs{0}, {0, 0}).size(), 2U); }

TEST(RandomSplit, GivesWhatTheInstalledPyTorchGives) {
  auto random = test::seeded_generator();
  const auto integer = [&](int64_t low, int64_t high) { return std::uniform_int_distribution(low, high)(random); };
  std::vector<std::string> questions;
  std::vector<test::Lists> ours;
  for (int i = 0; i < 50; ++i) {
    const auto seed = static_cast<uint64_t>(integer(0, 1'000'000));
    Indices lengths(static_cast<size_t>(integer(1, 5)));
    std::string question = "split_lengths " + std::to_string(seed);
    int64_t n = 0;
    for (auto& length : lengths) {
      n += length = integer(2, 50);
      question += " " + std::to_string(length);
    }
    questions.push_back(question);
    ours.push_back(lists_of(random_split(Pairs{n}, lengths, seed)));

    // Sixteenths, whose sum is exactly one.
    std::vector<double> fractions{0.0625 * static_cast<double>(integer(1, 7)),
                                  0.0625 * static_cast<double>(integer(1, 7))};
    fractions.push_back(1 - fractions[0] - fractions[1]);
    n = integer(16, 300);
    question = "split_fractions " + std::to_string(seed) + " " + std::to_string(n);
    for (const double fraction : fractions) question += " " + std::to_string(fraction);
    questions.push_back(question);
    ours.push_back(lists_of(random_split(Pairs{n}, fractions, seed)));
  }
  const auto answers = test::ask_pytorch(questions);
  if (!answers)
    GTEST_SKIP() << test::python() << " cannot import torch; set MILLRACE_PYTHON to a Python that can, to compare";
  for (size_t i = 0; i < ours.size(); ++i)
    EXPECT_EQ(ours[i], answers->lists[i]) << questions[i] << "\n  torch " << answers->version;
}

}  // namespace
}  // namespace millrace
