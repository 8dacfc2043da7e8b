// The promises of torch::data's loader, re-expressed for every place where samples can be read: its datasets,
// transforms and samplers as they are, named as the cases of its own tests are. Those that are about its inner parts
// have no place here; ours that keep the same promise are
//
//   NoSequencerIsIdentity, OrderedSequencer...     EnforcesOrderingAmongWorkersWhenConfigured, Ledger.*
//   Queue..., DataShuttle... (push, pop, drain)    Board.*, LoaderDefects.AnEpochLeftInTheMiddle...
//   Queue/DataShuttle...TimesOut                   RespectsTimeout
//   {Sequential,Random,Stream}Sampler...           TorchSampler.*, and SamplersAsTheyAre below
//   CanSaveAndLoad...Sampler                       TorchSampler.ResumesAtEveryBatch
//   ChunkDatasetSave, ChunkDatasetLoad             LoaderDefects.ChunkDatasetResumesAndLaterEpochsAreComplete
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <type_traits>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/tests/conformance/places.h"
#include "millrace/tests/conformance/torch_datasets.h"

namespace millrace {
namespace {

namespace td = torch::data;
using namespace millrace::testing;  // Datasets and places.
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

class TorchData : public ::testing::TestWithParam<Place> {
 protected:
  DataLoaderOptions options(int64_t batch_size) const { return GetParam().options(batch_size); }
  bool in_order() const { return GetParam().in_order; }
};

INSTANTIATE_TEST_SUITE_P(Places, TorchData, ::testing::ValuesIn(quick_places()), place_name);

// What is the trainer's own affair, wherever samples are read.
class TorchDataTrainerSide : public TorchData {};

INSTANTIATE_TEST_SUITE_P(Places, TorchDataTrainerSide, ::testing::ValuesIn(quickest_places()), place_name);

template <class L>
auto batches_of_epoch(L& loader) {
  std::vector<std::remove_cvref_t<decltype(*loader->next())>> batches;
  for (auto& batch : *loader) batches.push_back(std::move(batch));
  return batches;
}

// The samples of an epoch of batches that are vectors; sorted, since places differ in the order of batches.
template <class L>
auto sorted_samples_of_epoch(L& loader) {
  std::remove_cvref_t<decltype(*loader->next())> samples;
  for (auto& batch : *loader) samples.insert(samples.end(), batch.begin(), batch.end());
  std::sort(samples.begin(), samples.end());
  return samples;
}

std::vector<int> counted(int first, int end) {
  std::vector<int> numbers(static_cast<size_t>(end - first));
  std::iota(numbers.begin(), numbers.end(), first);
  return numbers;
}

// --- datasets and transforms ---

TEST_P(TorchData, DatasetCallsGetCorrectly) {
  auto loader = make_data_loader(Numbers(100), options(5));
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<std::vector<int>>>);
  EXPECT_EQ(loader->size(), 20);
  if (in_order()) {
    EXPECT_THAT(*loader->next(), ElementsAre(1, 2, 3, 4, 5));
    EXPECT_THAT(*loader->next(), ElementsAre(6, 7, 8, 9, 10));
    EXPECT_EQ(sorted_samples_of_epoch(loader), counted(11, 101)) << "a loop goes on with what next() has left";
  }
  EXPECT_EQ(sorted_samples_of_epoch(loader), counted(1, 101));
}

struct ToText : td::transforms::Transform<int, std::string> {
  std::string apply(int input) override { return std::to_string(input); }
};

auto texts(size_t n) { return Numbers(n).map(ToText()); }

TEST_P(TorchData, TransformCallsGetApplyCorrectly) {
  auto loader = make_data_loader(recipe(texts, 5), options(5));
  EXPECT_THAT(*loader->next(), ElementsAre("1", "2", "3", "4", "5"));
}

auto sums(size_t n) {
  return Numbers(n).map(td::transforms::BatchLambda<std::vector<int>, int>(
      [](const std::vector<int>& batch) { return std::accumulate(batch.begin(), batch.end(), 0); }));
}

TEST_P(TorchData, BatchLambdaAppliesFunctionToBatch) {
  auto loader = make_data_loader(recipe(sums, 10), options(10));
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<int>>);
  EXPECT_EQ(*loader->next(), 55);
}

auto doubled(size_t n) {
  return Numbers(n).map(td::transforms::Lambda<int>([](int x) { return 2 * x; }));
}

TEST_P(TorchData, LambdaAppliesFunctionToExample) {
  auto loader = make_data_loader(recipe(doubled, 3), options(3));
  EXPECT_THAT(*loader->next(), ElementsAre(2, 4, 6));
}

auto collated_by_lambda(size_t n) {
  return Numbers(n).map(td::transforms::Collate<int>([](std::vector<int> batch) { return batch.front(); }));
}

TEST_P(TorchData, CollateReducesBatch) {
  auto loader = make_data_loader(recipe(collated_by_lambda, 9), options(3));
  EXPECT_THAT(batches_of_epoch(loader), UnorderedElementsAreArray({1, 4, 7}));
}

struct Largest : td::transforms::Collation<int> {
  int apply_batch(std::vector<int> batch) override { return *std::max_element(batch.begin(), batch.end()); }
};

auto largest(size_t n) { return Numbers(n).map(Largest()); }

TEST_P(TorchData, CollationReducesBatch) {
  auto loader = make_data_loader(recipe(largest, 9), options(3));
  EXPECT_THAT(batches_of_epoch(loader), UnorderedElementsAreArray({3, 6, 9}));
}

auto rows_of_eye(int64_t n) {
  return td::datasets::TensorDataset(torch::eye(n)).map(td::transforms::Stack<td::TensorExample>());
}

TEST_P(TorchData, TensorDatasetConstructsFromSingleTensor) {
  auto loader = make_data_loader(recipe(rows_of_eye, 5), options(5));
  EXPECT_TRUE(loader->next()->data.equal(torch::eye(5)));
}

auto tensors_listed() {
  return td::datasets::TensorDataset({torch::full({2}, 1), torch::full({2}, 2), torch::full({2}, 3)});
}

TEST_P(TorchData, TensorDatasetConstructsFromInitializerListOfTensors) {
  auto loader = make_data_loader(recipe(tensors_listed), options(3));
  const auto batch = *loader->next();
  ASSERT_THAT(batch, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) EXPECT_TRUE(batch[i].data.equal(torch::full({2}, static_cast<int64_t>(i) + 1)));
}

auto stacked_pairs(int64_t n) { return Pairs(n).map(td::transforms::Stack<>()); }

TEST_P(TorchData, StackTransformWorksForExample) {
  auto loader = make_data_loader(recipe(stacked_pairs, 6), options(3));
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<td::Example<>>>);
  std::set<int64_t> targets;
  for (auto& batch : *loader) {
    EXPECT_EQ(batch.data.sizes(), (std::vector<int64_t>{3, 2}));
    EXPECT_TRUE(batch.data.select(1, 1).equal(batch.target.to(torch::kFloat)));
    for (int64_t row = 0; row < 3; ++row) targets.insert(batch.target[row].item<int64_t>());
  }
  EXPECT_THAT(targets, ElementsAre(0, 1, 2, 3, 4, 5));
}

auto stacked_tensors(int64_t n) {
  return td::datasets::TensorDataset(torch::arange(n)).map(td::transforms::Stack<td::TensorExample>());
}

TEST_P(TorchData, StackTransformWorksForTensorExample) {
  auto loader = make_data_loader(recipe(stacked_tensors, 4), options(4));
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<td::TensorExample>>);
  EXPECT_TRUE(loader->next()->data.equal(torch::arange(4)));
}

struct Named : td::datasets::Dataset<Named, td::Example<torch::Tensor, std::string>> {
  td::Example<torch::Tensor, std::string> get(size_t index) override {
    return {torch::full({3}, static_cast<double>(index)), "sample " + std::to_string(index)};
  }
  std::optional<size_t> size() const override { return 4; }
};

struct PlusTwo : td::transforms::TensorTransform<std::string> {
  torch::Tensor operator()(torch::Tensor input) override { return input + 2; }
};

auto named_plus_two() { return Named().map(PlusTwo()); }

TEST_P(TorchData, TensorTransformWorksForAnyTargetType) {
  auto loader = make_data_loader(recipe(named_plus_two), options(4));
  const auto batch = *loader->next();
  EXPECT_EQ(batch[3].target, "sample 3");
  EXPECT_TRUE(batch[3].data.equal(torch::full({3}, 5.)));
}

auto named_times_two() {
  return Named().map(td::transforms::TensorLambda<std::string>([](torch::Tensor input) { return input * 2; }));
}

TEST_P(TorchData, TensorLambdaWorksForAnyTargetType) {
  auto loader = make_data_loader(recipe(named_times_two), options(4));
  const auto batch = *loader->next();
  EXPECT_EQ(batch[1].target, "sample 1");
  EXPECT_TRUE(batch[3].data.equal(torch::full({3}, 6.)));
}

// Three channels, of which the mean and standard deviation are one number or one a channel.
struct Channels : td::datasets::Dataset<Channels> {
  td::Example<> get(size_t) override {
    return {torch::arange(1., 4., torch::kFloat).reshape({3, 1, 1}).expand({3, 2, 2}).contiguous(),
            torch::zeros({}, torch::kLong)};
  }
  std::optional<size_t> size() const override { return 2; }
};

auto normalized_alike() { return Channels().map(td::transforms::Normalize<>(0.5, 1.5)).map(td::transforms::Stack<>()); }
auto normalized_by_channel() {
  return Channels().map(td::transforms::Normalize<>({0.5, 1.0, 1.5}, {1.0, 2.0, 3.0})).map(td::transforms::Stack<>());
}

TEST_P(TorchData, NormalizeTransform) {
  const auto pixels = [](const td::Example<>& batch) { return batch.data.select(0, 1).select(1, 0).select(1, 1); };
  const auto alike = *make_data_loader(recipe(normalized_alike), options(2))->next();
  EXPECT_TRUE(pixels(alike).allclose(torch::tensor({0.5 / 1.5, 1.5 / 1.5, 2.5 / 1.5}, torch::kFloat)));
  const auto each = *make_data_loader(recipe(normalized_by_channel), options(2))->next();
  EXPECT_TRUE(pixels(each).allclose(torch::tensor({0.5 / 1.0, 1.0 / 2.0, 1.5 / 3.0}, torch::kFloat)));
}

struct Uncopyable : td::datasets::Dataset<Uncopyable, int> {
  Uncopyable() = default;
  Uncopyable(Uncopyable&&) = default;
  Uncopyable& operator=(Uncopyable&&) = default;

  int get(size_t index) override { return 1 + static_cast<int>(index); }
  std::optional<size_t> size() const override { return 100; }
};

auto mapped_three_times() {
  return Uncopyable()
      .map(td::transforms::Lambda<int>([](int x) { return x + 1; }))
      .map(td::transforms::Lambda<int>([](int x) { return x + 2; }))
      .map(td::transforms::Lambda<int>([](int x) { return x + 3; }));
}

TEST_P(TorchData, MapDoesNotCopy) {
  auto loader = make_data_loader(recipe(mapped_three_times), options(100));
  EXPECT_EQ(loader->next()->front(), 7);
}

TEST_P(TorchData, AnObjectThatCannotBeCopiedIsReadInPlace) {
  if (GetParam().workers > 0 && GetParam().worker_mode == WorkerMode::kProcess &&
      GetParam().start_method != StartMethod::kFork) {
    EXPECT_THROW(make_data_loader(mapped_three_times(), options(10)), std::invalid_argument);
    return;
  }
  auto loader = make_data_loader(mapped_three_times(), options(10));
  EXPECT_EQ(sorted_samples_of_epoch(loader), counted(7, 107));
}

// Its copies would each count for themselves.
struct Counting : td::datasets::BatchDataset<Counting, int> {
  int get_batch(at::ArrayRef<size_t>) override { return ++calls; }
  std::optional<size_t> size() const override { return 8; }

  std::atomic<int> calls{0};
};

auto shared_counting() { return td::datasets::make_shared_dataset<Counting>(); }

TEST_P(TorchData, SharedBatchDatasetReallyIsShared) {
  auto shared = shared_counting();
  const bool one_process = GetParam().workers == 0 || GetParam().worker_mode == WorkerMode::kThread;
  if (!one_process) {  // Each worker process has one; its threads would share it.
    auto loader = make_data_loader(recipe(shared_counting), options(2));
    EXPECT_THAT(batches_of_epoch(loader), SizeIs(4));
    return;
  }
  auto loader = make_data_loader(shared, options(2));
  const auto counts = batches_of_epoch(loader);
  EXPECT_EQ(std::set<int>(counts.begin(), counts.end()).size(), 4U) << "copies count from one again";
  EXPECT_GE(shared->calls, 4);
}

// A request of the user's own type, made of the indices that the loader asks for.
struct OwnRequest : td::samplers::CustomBatchRequest {
  OwnRequest(std::vector<size_t> asked) : indices(std::move(asked)) {}  // NOLINT(google-explicit-constructor)
  size_t size() const override { return indices.size(); }

  std::vector<size_t> indices;
};

struct OwnRequests : td::datasets::BatchDataset<OwnRequests, std::vector<int>, OwnRequest> {
  std::vector<int> get_batch(OwnRequest request) override { return {request.indices.begin(), request.indices.end()}; }
  std::optional<size_t> size() const override { return 7; }
};

TEST_P(TorchData, CanUseCustomTypeAsIndexType) {
  auto loader = make_data_loader(recipe(+[] { return OwnRequests(); }), options(3));
  EXPECT_EQ(sorted_samples_of_epoch(loader), counted(0, 7));
}

// Counts on for ever; every worker has its own, as with torch::data's threads.
struct Endless : td::datasets::StreamDataset<Endless, std::vector<int>> {
  std::vector<int> get_batch(size_t batch_size) override {
    std::vector<int> batch(batch_size);
    for (int& number : batch) number = next++;
    return batch;
  }
  std::optional<size_t> size() const override { return std::nullopt; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(next);
  }

  int next = 0;
};

TEST_P(TorchData, InfiniteStreamDataset) {
  auto loader = make_data_loader(Endless(), td::samplers::StreamSampler(39), options(13));
  EXPECT_EQ(loader->size(), 3);
  for (int epoch = 0; epoch < 2; ++epoch) {
    const auto batches = batches_of_epoch(loader);
    EXPECT_THAT(batches, ::testing::AllOf(SizeIs(3), ::testing::Each(SizeIs(13))));
    if (epoch == 0 && GetParam().workers == 0) {
      EXPECT_EQ(batches[2], counted(26, 39));
    }
  }
}

TEST_P(TorchData, AStreamsShortBatchIsDroppedOrKept) {
  auto kept = make_data_loader(Endless(), td::samplers::StreamSampler(30), options(13));
  EXPECT_THAT(batches_of_epoch(kept), UnorderedElementsAreArray({SizeIs(13), SizeIs(13), SizeIs(4)}));
  auto dropped = make_data_loader(Endless(), td::samplers::StreamSampler(30), options(13).drop_last(true));
  EXPECT_THAT(batches_of_epoch(dropped), ElementsAre(SizeIs(13), SizeIs(13)));
}

// The files of MNIST's training set as torch::data wants them: 60 000 images, of which number i is filled with i % 251.
void write_mnist(const std::filesystem::path& folder) {
  const auto big_endian = [](std::ofstream& file, std::initializer_list<uint32_t> words) {
    for (const uint32_t word : words)
      for (const int shift : {24, 16, 8, 0}) file.put(static_cast<char>(word >> shift));
  };
  std::ofstream images(folder / "train-images-idx3-ubyte", std::ios::binary);
  std::ofstream labels(folder / "train-labels-idx1-ubyte", std::ios::binary);
  big_endian(images, {2051, 60000, 28, 28});
  big_endian(labels, {2049, 60000});
  for (int i = 0; i < 60000; ++i) {
    images << std::string(28 * 28, static_cast<char>(i % 251));
    labels.put(static_cast<char>(i % 10));
  }
}

// As a user of torch::data writes it.
auto make_digits(const std::string& root) {
  return torch::data::datasets::MNIST(root)
      .map(torch::data::transforms::Normalize<>(0.13, 0.31))
      .map(torch::data::transforms::Stack<>());
}

TEST_P(TorchData, MNIST) {
  const test::Directory folder;
  write_mnist(folder.path());
  const std::string root = folder.path();
  auto loader = make_data_loader(recipe(make_digits, root), td::samplers::SequentialSampler(60), options(30));
  int64_t images = 0;
  for (auto& example : *loader) {
    ASSERT_EQ(example.data.sizes(), (std::vector<int64_t>{30, 1, 28, 28}));
    const int64_t first = example.target[0].item<int64_t>() == 0 ? images : -1;
    ASSERT_EQ(first, images);
    for (int64_t row = 0; row < 30; ++row) EXPECT_EQ(example.target[row].item<int64_t>(), row % 10);
    const double pixel = example.data[1][0][27][27].item<double>() * 0.31 + 0.13;
    EXPECT_TRUE(std::abs(pixel * 255 - 1) < 1e-3 || std::abs(pixel * 255 - 31) < 1e-3) << pixel * 255;
    images += 30;
  }
  EXPECT_EQ(images, 60);
}

// The program of the guides, as it stands there.
TEST(TorchDataProgram, ChangesANamespace) {
  const test::Directory folder;
  write_mnist(folder.path());
  const std::string root = folder.path();
  auto loader = make_data_loader(recipe(make_digits, root), DataLoaderOptions(64).workers(4));
  EXPECT_EQ(loader->size(), 938);
  int64_t examples = 0;
  for (auto& example : *loader) {
    EXPECT_EQ(example.data.size(0), example.target.size(0));
    examples += example.target.size(0);
    if (examples == 64 * 20) break;
  }
  EXPECT_EQ(examples, 64 * 20);
}

// --- samplers ---

TEST_P(TorchData, SamplersAsTheyAre) {
  auto sequential = make_data_loader(Numbers(10), td::samplers::SequentialSampler(10), options(3));
  auto random = make_data_loader(Numbers(10), td::samplers::RandomSampler(10), options(3));
  for (int epoch = 0; epoch < 3; ++epoch) {  // Reset at each.
    EXPECT_EQ(sorted_samples_of_epoch(sequential), counted(1, 11));
    EXPECT_EQ(sorted_samples_of_epoch(random), counted(1, 11));
  }
  EXPECT_EQ(random->size(), 4);
}

TEST_P(TorchData, ASamplerForFewerSamplesThanTheDatasetHas) {
  auto loader = make_data_loader(Numbers(100), td::samplers::SequentialSampler(5), options(2));
  EXPECT_EQ(sorted_samples_of_epoch(loader), counted(1, 6));
}

TEST_P(TorchData, TheSamplerIsMadeForTheDataset) {
  auto theirs = make_data_loader<td::samplers::SequentialSampler>(Numbers(10), options(4));
  auto ours = make_data_loader<SequentialSampler>(Numbers(10), options(4));
  EXPECT_EQ(sorted_samples_of_epoch(theirs), counted(1, 11));
  EXPECT_EQ(batches_of_epoch(ours).size(), 3U);
}

template <class S>
std::vector<int> shares(const DataLoaderOptions& options, bool allow_duplicates) {
  std::vector<int> all;
  for (size_t rank = 0; rank < 3; ++rank) {
    auto loader = make_data_loader(Numbers(10), S(10, 3, rank, allow_duplicates), options);
    EXPECT_EQ(loader->size(), 2);
    const auto share = sorted_samples_of_epoch(loader);
    EXPECT_EQ(share.size(), allow_duplicates ? 4U : 3U);
    all.insert(all.end(), share.begin(), share.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

TEST_P(TorchDataTrainerSide, DistributedSequentialMultiReplicaSampler) {
  using S = td::samplers::DistributedSequentialSampler;
  EXPECT_THAT(shares<S>(options(2), true), ElementsAre(1, 1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10));
  EXPECT_EQ(shares<S>(options(2), false), counted(1, 10));
}

TEST_P(TorchDataTrainerSide, DistributedRandomMultiReplicaSampler) {
  using S = td::samplers::DistributedRandomSampler;
  auto all = shares<S>(options(2), true);
  ASSERT_EQ(all.size(), 12U);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  EXPECT_EQ(all, counted(1, 11));
  EXPECT_EQ(shares<S>(options(2), false).size(), 9U);
}

// --- options ---

TEST(TorchDataOptions, DataLoaderOptionsDefaultAsExpected) {
  const DataLoaderOptions options;
  EXPECT_EQ(options.batch_size(), 1);
  EXPECT_EQ(options.workers(), 0);
  EXPECT_EQ(options.num_workers(), 0);
  EXPECT_FALSE(options.max_jobs().has_value());
  EXPECT_EQ(options.timeout(), std::chrono::milliseconds(0));  // For ever.
  EXPECT_TRUE(options.enforce_ordering());
  EXPECT_TRUE(options.in_order());
  EXPECT_FALSE(options.drop_last());
}

TEST(TorchDataOptions, EachOptionHasBothNames) {
  const auto theirs =
      DataLoaderOptions(32).workers(3).max_jobs(7).enforce_ordering(false).timeout(std::chrono::milliseconds(5));
  EXPECT_EQ(theirs.num_workers(), 3);
  EXPECT_EQ(theirs.max_jobs(), 7);
  EXPECT_FALSE(theirs.in_order());
  EXPECT_EQ(theirs.timeout(), std::chrono::milliseconds(5));
  EXPECT_EQ(DataLoaderOptions(1).num_workers(2).workers(), 2);
  EXPECT_FALSE(DataLoaderOptions(1).in_order(false).enforce_ordering());
}

TEST(TorchDataOptions, MakeDataLoaderDefaultsAsExpected) {
  auto loader = make_data_loader(Numbers(10));
  EXPECT_EQ(loader->options().batch_size(), 1);
  EXPECT_EQ(loader->options().workers(), 0);
  EXPECT_EQ(loader->size(), 10);
}

struct Unsized : td::datasets::Dataset<Unsized, int> {
  int get(size_t index) override { return static_cast<int>(index); }
  std::optional<size_t> size() const override { return std::nullopt; }
  template <class Archive>
  void serialize(Archive&) {}
};

TEST(TorchDataOptions, MakeDataLoaderThrowsWhenConstructingSamplerWithUnsizedDataset) {
  const auto message_of = [](auto&& make) -> std::string {
    try {
      make();
    } catch (const std::invalid_argument& e) {
      return e.what();
    }
    return "nothing was thrown";
  };
  const std::string expected = "Expected the dataset to be sized in order to construct the Sampler";
  EXPECT_EQ(message_of([] { make_data_loader(Unsized()); }), expected);
  EXPECT_EQ(message_of([] { make_data_loader(Unsized(), DataLoaderOptions(2).shuffle(true)); }), expected);
  EXPECT_EQ(message_of([] { make_data_loader<td::samplers::RandomSampler>(Unsized(), 2); }), expected);
  EXPECT_EQ(message_of([] { make_data_loader(Endless(), 2); }), expected);
}

TEST_P(TorchData, AnUnsizedDatasetWithASampler) {
  auto loader = make_data_loader(Unsized(), td::samplers::SequentialSampler(5), options(2));
  EXPECT_EQ(sorted_samples_of_epoch(loader), counted(0, 5));
}

// --- iterators ---

TEST_P(TorchDataTrainerSide, IteratorsCompareEqualToThemselves) {
  auto loader = make_data_loader(Numbers(4), options(2));
  const auto begin = loader->begin();
  EXPECT_EQ(begin, begin);
  const auto end = loader->end();
  EXPECT_EQ(end, end);
}

TEST_P(TorchDataTrainerSide, ValidIteratorsCompareUnequalToEachOther) {
  auto loader = make_data_loader(Numbers(4), options(2));
  EXPECT_NE(loader->begin(), loader->begin());
}

TEST_P(TorchDataTrainerSide, SentinelIteratorsCompareEqualToEachOther) {
  auto loader = make_data_loader(Numbers(4), options(2));
  EXPECT_EQ(loader->end(), loader->end());
}

TEST_P(TorchDataTrainerSide, IteratorsCompareEqualToSentinelWhenExhausted) {
  auto loader = make_data_loader(Numbers(4), options(2));
  auto i = loader->begin();
  EXPECT_NE(i, loader->end());
  EXPECT_NE(++i, loader->end());
  EXPECT_EQ(++i, loader->end());
}

TEST_P(TorchDataTrainerSide, IteratorsShareState) {
  auto loader = make_data_loader(Numbers(4), options(2));
  auto i = loader->begin();
  auto j = i;
  EXPECT_EQ(i, j);
  ++i;
  EXPECT_EQ(i, j);
  EXPECT_EQ(&*i, &*j);
  ++j;
  EXPECT_EQ(i, loader->end());
}

TEST_P(TorchDataTrainerSide, CanDereferenceIteratorMultipleTimes) {
  auto loader = make_data_loader(Numbers(4), options(4));
  auto i = loader->begin();
  EXPECT_EQ(*i, counted(1, 5));
  EXPECT_EQ(*i, counted(1, 5));
  EXPECT_EQ(i->size(), 4U);
}

TEST_P(TorchDataTrainerSide, CanUseIteratorAlgorithms) {
  static_assert(std::input_iterator<DataLoader::Iterator>);
  auto loader = make_data_loader(Numbers(100), options(40));
  std::vector<std::vector<int>> batches;
  std::copy(loader->begin(), loader->end(), std::back_inserter(batches));
  EXPECT_THAT(batches, UnorderedElementsAreArray({counted(1, 41), counted(41, 81), counted(81, 101)}));
}

template <class E = std::logic_error, class F>
std::string message_of(F&& call) {
  try {
    call();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST_P(TorchDataTrainerSide, IncrementingExhaustedValidIteratorThrows) {
  auto loader = make_data_loader(Numbers(1), options(1));
  auto i = loader->begin();
  ++i;
  EXPECT_EQ(message_of([&] { ++i; }), "Attempted to increment iterator past the end");
}

TEST_P(TorchDataTrainerSide, DereferencingExhaustedValidIteratorThrows) {
  auto loader = make_data_loader(Numbers(1), options(1));
  auto i = loader->begin();
  ++i;
  EXPECT_EQ(message_of([&] { *i; }), "Attempted to dereference iterator that was past the end");
}

TEST_P(TorchDataTrainerSide, IncrementingSentinelIteratorThrows) {
  auto i = make_data_loader(Numbers(1), options(1))->end();
  EXPECT_EQ(message_of([&] { ++i; }), "Incrementing the DataLoader's past-the-end iterator is not allowed");
}

TEST_P(TorchDataTrainerSide, DereferencingSentinelIteratorThrows) {
  auto i = make_data_loader(Numbers(1), options(1))->end();
  EXPECT_EQ(message_of([&] { *i; }), "Dereferencing the DataLoader's past-the-end iterator is not allowed");
}

// torch::data: CallingBeginWhileOtherIteratorIsInFlightThrows.
TEST_P(TorchDataTrainerSide, CallingBeginWhileAnotherIteratorIsInFlightGoesToTheNextEpoch) {
  auto loader = make_data_loader(Numbers(10), options(1));
  for (auto& batch : *loader) {
    EXPECT_EQ(batch.size(), 1U);
    break;
  }
  EXPECT_EQ(sorted_samples_of_epoch(loader), counted(1, 11));
  EXPECT_EQ(loader->epoch(), 2);
}

TEST_P(TorchDataTrainerSide, ALoopLeftAtItsLastBatchDoesNotEmptyTheNext) {
  auto loader = make_data_loader(Numbers(6), options(2));
  for (int epoch = 0; epoch < 3; ++epoch) {
    int64_t batches = 0;
    for (auto& batch : *loader) {
      EXPECT_EQ(batch.size(), 2U);
      if (++batches == loader->size()) break;
    }
    EXPECT_EQ(batches, 3) << "epoch " << epoch;
  }
}

// --- the loader ---

TEST_P(TorchData, YieldsCorrectBatchSize) {
  auto loader = make_data_loader(Numbers(100), options(25));
  EXPECT_THAT(batches_of_epoch(loader), ::testing::AllOf(SizeIs(4), ::testing::Each(SizeIs(25))));
}

TEST_P(TorchData, ReturnsLastBatchWhenSmallerThanBatchSizeWhenDropLastIsFalse) {
  auto loader = make_data_loader(Numbers(100), options(33).drop_last(false));
  EXPECT_THAT(batches_of_epoch(loader), UnorderedElementsAreArray({SizeIs(33), SizeIs(33), SizeIs(33), SizeIs(1)}));
}

TEST_P(TorchData, DoesNotReturnLastBatchWhenSmallerThanBatchSizeWhenDropLastIsTrue) {
  auto loader = make_data_loader(Numbers(100), options(33).drop_last(true));
  EXPECT_THAT(batches_of_epoch(loader), ElementsAre(SizeIs(33), SizeIs(33), SizeIs(33)));
}

// Sample i is not given before the flag named i is up, and then raises flag i - 1.
struct Baton : td::datasets::Dataset<Baton, int> {
  explicit Baton(std::string flags = {}, size_t count = 0) : folder(std::move(flags)), n(count) {}

  int get(size_t index) override {
    wait_for_flag(flag(index));
    if (index > 0) raise_flag(flag(index - 1));
    return static_cast<int>(index);
  }
  std::optional<size_t> size() const override { return n; }
  std::string flag(size_t index) const { return folder + "/" + std::to_string(index); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(folder, n);
  }

  std::string folder;
  size_t n;
};

// Sample i is not given before the flag named i is up.
struct Gated : Baton {
  using Baton::Baton;

  int get(size_t index) override {
    wait_for_flag(flag(index));
    return static_cast<int>(index);
  }
};

TEST_P(TorchData, RespectsTimeout) {
  if (GetParam().workers == 0) GTEST_SKIP() << "nobody watches the trainer read";
  const test::Directory folder;
  const Baton dataset(folder.path(), 1);
  // A first sample is read for its size when the loader is made.
  auto loader = make_data_loader(dataset, options(1).timeout(std::chrono::milliseconds(10)).max_sample_bytes(64));
  const auto what = message_of<LoaderTimeout>([&] { loader->next(); });
  EXPECT_THAT(what, HasSubstr("timeout: no batch within 10 ms: worker 0"));
  raise_flag(dataset.flag(0));
  std::optional<std::vector<int>> batch;
  while (!batch) {
    try {
      batch = loader->next();
    } catch (const LoaderTimeout&) {
      continue;  // Waits again.
    }
  }
  EXPECT_THAT(*batch, ElementsAre(0));
}

TEST_P(TorchData, EnforcesOrderingAmongWorkersWhenConfigured) {
  if (GetParam().workers == 0) GTEST_SKIP() << "one after the other";
  if (!in_order()) GTEST_SKIP() << "GivesTheBatchThatIsFinishedFirst";
  const test::Directory folder;
  const Baton dataset(folder.path(), 2);
  raise_flag(dataset.flag(1));  // So the second batch is finished before the first.
  auto loader = make_data_loader(dataset, options(1).max_sample_bytes(64));
  EXPECT_THAT(batches_of_epoch(loader), ElementsAre(ElementsAre(0), ElementsAre(1)));
}

TEST_P(TorchData, GivesTheBatchThatIsFinishedFirstWhenOrderIsNotEnforced) {
  if (GetParam().workers == 0) GTEST_SKIP() << "one after the other";
  if (in_order()) GTEST_SKIP() << "EnforcesOrdering";
  const test::Directory folder;
  const Gated dataset(folder.path(), 2);
  auto loader = make_data_loader(dataset, options(1).max_sample_bytes(64));
  raise_flag(dataset.flag(1));
  EXPECT_THAT(*loader->next(), ElementsAre(1));
  raise_flag(dataset.flag(0));
  EXPECT_THAT(*loader->next(), ElementsAre(0));
  EXPECT_FALSE(loader->next());
}

TEST_P(TorchData, Reset) {
  auto loader = make_data_loader(Numbers(5), options(1));
  for (int epoch = 0; epoch < 4; ++epoch) {
    EXPECT_EQ(loader->epoch(), epoch);
    EXPECT_EQ(sorted_samples_of_epoch(loader), counted(1, 6));
  }
  loader->set_epoch(1);
  EXPECT_EQ(loader->epoch(), 1);
  EXPECT_EQ(sorted_samples_of_epoch(loader), counted(1, 6));
}

struct Throwing : td::datasets::Dataset<Throwing, int> {
  int get(size_t) override { throw std::invalid_argument("badness"); }
  std::optional<size_t> size() const override { return 10; }
  template <class Archive>
  void serialize(Archive&) {}
};

TEST_P(TorchData, ExceptionsArePropagatedFromWorkers) {
  auto loader = make_data_loader(Throwing(), options(1));
  try {
    *loader->begin();
    FAIL() << "no exception";
  } catch (const SampleError& e) {
    EXPECT_EQ(e.type(), "std::invalid_argument");
    EXPECT_EQ(e.message(), "badness");
    EXPECT_THAT(e.what(), HasSubstr("std::invalid_argument: badness"));
    EXPECT_EQ(e.worker() >= 0, GetParam().workers > 0);
  }
}

// --- stateful datasets ---

TEST_P(TorchData, StatefulDataset) {  // With no workers and with many.
  auto loader = make_data_loader(Counter(10), options(3));
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<std::vector<int>>>);
  for (int epoch = 0; epoch < 10; ++epoch)
    EXPECT_THAT(batches_of_epoch(loader),
                ElementsAre(ElementsAre(0, 1, 2), ElementsAre(3, 4, 5), ElementsAre(6, 7, 8), ElementsAre(9)));
}

auto mapped_counter(int n) {
  return Counter(n).map(td::transforms::BatchLambda<std::vector<int>>([](std::vector<int> batch) {
    for (int& number : batch) number *= 10;
    return batch;
  }));
}

TEST_P(TorchData, StatefulDatasetWithMap) {
  auto loader = make_data_loader(recipe(mapped_counter, 4), options(2));
  for (int epoch = 0; epoch < 10; ++epoch)
    EXPECT_THAT(batches_of_epoch(loader), ElementsAre(ElementsAre(0, 10), ElementsAre(20, 30)));
}

auto collated_counter(int n) {
  return mapped_counter(n).map(td::transforms::Collate<torch::Tensor, std::vector<int>>(
      [](const std::vector<int>& batch) { return torch::tensor(batch); }));
}

TEST_P(TorchData, StatefulDatasetWithCollate) {
  auto loader = make_data_loader(recipe(collated_counter, 4), options(2));
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<torch::Tensor>>);
  for (int epoch = 0; epoch < 10; ++epoch) {
    const auto batches = batches_of_epoch(loader);
    ASSERT_THAT(batches, SizeIs(2));
    EXPECT_TRUE(batches[1].equal(torch::tensor({20, 30}, torch::kInt)));
  }
}

// --- ChunkDataset ---

TEST(TorchDataOptions, ChunkDataSetWithInvalidInitParameterKeepsItsOwnMessages) {
  const auto message = [](size_t preloaders, size_t batch_size, size_t cache_size, size_t shuffled) {
    return message_of<std::exception>(
        [&] { td::datasets::ChunkDatasetOptions(preloaders, batch_size, cache_size, shuffled); });
  };
  EXPECT_THAT(message(0, 1, 1, 1), HasSubstr("Preloader count is 0"));
  EXPECT_THAT(message(1, 0, 1, 1), HasSubstr("Batch size is 0"));
  EXPECT_THAT(message(1, 1, 0, 1), HasSubstr("Cache size is 0"));
  EXPECT_THAT(message(1, 10, 5, 1), HasSubstr("Cache size is less than batch size"));
  EXPECT_THAT(message(1, 1, 1, 0), HasSubstr("cross_chunk_shuffle_count"));
}

TEST_P(TorchData, ChunkDataSetGetBatch) {
  for (const size_t preloaders : {1, 4}) {
    auto loader = make_data_loader(recipe(ordered_chunks, 3, 10, 0, preloaders, 5), options(5));
    for (int epoch = 0; epoch < 2; ++epoch) {
      EXPECT_EQ(sorted_samples_of_epoch(loader), counted(0, 30)) << preloaders << " preloaders, epoch " << epoch;
    }
    if (GetParam().start_method == StartMethod::kSpawn) break;  // A second a loader.
  }
}

TEST_P(TorchData, ChunkDataSetGetBatchWithUnevenBatchSize) {
  auto loader = make_data_loader(recipe(ordered_chunks, 3, 10, 0, 1, 7), options(7));
  EXPECT_THAT(batches_of_epoch(loader),
              ElementsAre(counted(0, 7), counted(7, 14), counted(14, 21), counted(21, 28), counted(28, 30)));
}

TEST_P(TorchData, ChunkDataSetWithBatchSizeMismatch) {
  auto loader = make_data_loader(recipe(ordered_chunks, 3, 10, 0, 1, 5), options(6));
  const auto what = message_of<SampleError>([&] { loader->next(); });
  EXPECT_THAT(what,
              HasSubstr("The requested batch size is 6, while the dataset is created with batch size equal to 5"));
}

TEST_P(TorchData, ChunkDataSetWithEmptyBatch) {
  auto loader = make_data_loader(recipe(ordered_chunks, 1, 10, 1, 1, 5), options(5));
  EXPECT_THAT(batches_of_epoch(loader), SizeIs(0));
  auto sparse = make_data_loader(recipe(ordered_chunks, 4, 5, 2, 1, 5), options(5));
  EXPECT_THAT(batches_of_epoch(sparse), ElementsAre(counted(5, 10), counted(15, 20)));
}

// The object stays the user's, who may look at its sampler. (With threads it may be in the next epoch already, and
// processes have their own.)
TEST(TorchDataChunks, CanAccessChunkSamplerWithChunkDataSet) {
  auto dataset = ordered_chunks(3, 10, 0, 1, 5);
  auto loader = make_data_loader(dataset, DataLoaderOptions(5));
  EXPECT_EQ(sorted_samples_of_epoch(loader), counted(0, 30));
  EXPECT_EQ(dataset->chunk_sampler().index(), 3U);
}

TEST_P(TorchData, ChunkDatasetDoesNotHang) {
  auto begun = make_data_loader(recipe(ordered_chunks, 100, 10, 0, 4, 5), options(5));
  auto i = begun->begin();
  EXPECT_NE(i, begun->end());
}  // And is destroyed.

auto crossed_chunks(size_t shuffled) {
  return td::datasets::make_shared_dataset<ShuffledChunks>(ChunkReader(6, 4), td::samplers::RandomSampler(6),
                                                           td::samplers::RandomSampler(4),
                                                           td::datasets::ChunkDatasetOptions(1, 8, 2048, shuffled));
}

TEST_P(TorchData, ChunkDatasetCrossChunkShuffle) {
  auto loader = make_data_loader(recipe(crossed_chunks, 6), options(8));
  const auto batches = batches_of_epoch(loader);
  ASSERT_THAT(batches, ElementsAre(SizeIs(8), SizeIs(8), SizeIs(8)));
  std::vector<int> all;
  for (const auto& batch : batches) all.insert(all.end(), batch.begin(), batch.end());
  EXPECT_FALSE(std::is_sorted(all.begin(), all.end()));
  std::sort(all.begin(), all.end());
  EXPECT_EQ(all, counted(0, 24));
}

auto preprocessed_chunks() {
  return td::datasets::make_shared_dataset<OrderedChunks>(
      ChunkReader(3, 10), td::samplers::SequentialSampler(0), td::samplers::SequentialSampler(0),
      td::datasets::ChunkDatasetOptions(1, 10),
      [](std::vector<int>& chunk) { std::reverse(chunk.begin(), chunk.end()); });
}

TEST_P(TorchData, CustomPreprocessPolicy) {
  auto loader = make_data_loader(recipe(preprocessed_chunks), options(10));
  const auto batches = batches_of_epoch(loader);
  ASSERT_THAT(batches, SizeIs(3));
  EXPECT_TRUE(std::is_sorted(batches[2].rbegin(), batches[2].rend()));
  EXPECT_EQ(batches[2].front(), 29);
}

}  // namespace
}  // namespace millrace
