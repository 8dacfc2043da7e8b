// Datasets of every kind, in every place where samples can be read.
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/datasets/chain_dataset.h"
#include "millrace/tests/conformance/places.h"
#include "millrace/tests/conformance/whole_batches.h"

namespace millrace {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

class Kinds : public ::testing::TestWithParam<testing::Place> {
 protected:
  DataLoaderOptions options(int64_t batch_size) const { return GetParam().options(batch_size); }
};

INSTANTIATE_TEST_SUITE_P(Places, Kinds, ::testing::ValuesIn(testing::all_places()), testing::place_name);

at::Tensor filled(int64_t length, int64_t value) { return at::full({length}, value, at::kLong); }

// --- samples that fit no rows ---

struct Captions {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  Sample get(size_t i) const {
    const auto number = static_cast<int64_t>(i);
    return {{"tokens", filled(1 + number % 3, number)}, {"caption", "text " + std::to_string(i)}, {"id", number}};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

TEST_P(Kinds, StringsAndRaggedTensors) {
  auto loader = make_data_loader(Captions{23}, options(5), collate::Ragged{});
  static_assert(std::is_same_v<decltype(loader)::element_type, DataLoader>);
  int64_t next = 0;
  for (int epoch = 0; epoch < 2; ++epoch, next = 0) {
    for (auto& batch : *loader) {
      const auto& captions = batch.strings("caption");
      ASSERT_EQ(std::ssize(captions), batch.size());
      for (int64_t row = 0; row < batch.size(); ++row, ++next) {
        const int64_t i = batch.indices()[static_cast<size_t>(row)];
        EXPECT_EQ(captions[static_cast<size_t>(row)], "text " + std::to_string(i));
        EXPECT_EQ(batch["id"][row].item<int64_t>(), i);
        if (batch.columns().find("tokens")->index() == 2) {
          EXPECT_TRUE(batch.tensors("tokens")[static_cast<size_t>(row)].equal(filled(1 + i % 3, i)));
        }
      }
    }
    EXPECT_EQ(next, 23);
  }
}

TEST_P(Kinds, PaddedTensors) {
  auto loader = make_data_loader(Captions{3}, options(3), collate::Pad{-1.0});
  const auto batch = *loader->next();
  EXPECT_EQ(batch["tokens"].sizes(), (std::vector<int64_t>{3, 3}));
  EXPECT_EQ(batch["tokens.lengths"][1].item<int64_t>(), 2);
  EXPECT_EQ(batch["tokens"][0][1].item<int64_t>(), -1);
  EXPECT_EQ(batch["tokens"][2][2].item<int64_t>(), 2);
}

TEST_P(Kinds, NoCollation) {
  auto loader = make_data_loader(Captions{4}, options(1), collate::None{});
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<Sample>>);
  std::vector<int64_t> ids;
  for (auto& sample : *loader) ids.push_back(sample.get<int64_t>("id"));
  std::sort(ids.begin(), ids.end());  // As completed, they come in any order.
  EXPECT_THAT(ids, ElementsAre(0, 1, 2, 3));
}

int64_t sum_of_ids(const std::vector<Sample>& samples) {
  int64_t sum = 0;
  for (const auto& sample : samples) sum += sample.get<int64_t>("id");
  return sum;
}

TEST_P(Kinds, AFunctionCollates) {
  auto loader = make_data_loader(Captions{10}, options(5), &sum_of_ids);
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<int64_t>>);
  std::vector<int64_t> sums;
  for (auto& sum : *loader) sums.push_back(sum);
  std::sort(sums.begin(), sums.end());
  EXPECT_THAT(sums, ElementsAre(10, 35));
}

TEST_P(Kinds, ALambdaCollates) {
  auto loader = make_data_loader(Captions{4}, options(4), [](const std::vector<Sample>& samples) {
    std::map<std::string, at::Tensor> batch;
    for (const auto& sample : samples) batch[sample.get<std::string>("caption")] = sample.get<at::Tensor>("tokens");
    return batch;
  });
  const auto batch = *loader->next();
  EXPECT_TRUE(batch.at("text 2").equal(filled(3, 2)));
}

// --- batches larger than their slot ---

struct Growing {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  Sample get(size_t i) const { return {{"x", filled(1 + static_cast<int64_t>(i) * 5000, static_cast<int64_t>(i))}}; }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

TEST_P(Kinds, BatchesLargerThanTheirSlotArriveAsWell) {
  auto loader = make_data_loader(Growing{12}, options(2), collate::Ragged{});
  std::vector<at::Tensor> kept;
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (auto& batch : *loader) {
      for (int64_t row = 0; row < batch.size(); ++row) {
        const int64_t i = batch.indices()[static_cast<size_t>(row)];
        const auto& x = batch.tensors("x")[static_cast<size_t>(row)];
        ASSERT_TRUE(x.equal(filled(1 + i * 5000, i)));
        kept.push_back(x.slice(0, 0, 1));
      }
      if (kept.size() > 4) kept.clear();
    }
  }
  EXPECT_GT(loader->stats().spilled_batches, 0U);
}

// --- whole batches ---

TEST_P(Kinds, ADatasetOfWholeBatches) {
  auto loader = make_data_loader(testing::WholeBatches{7}, options(3));
  static_assert(std::is_same_v<decltype(loader)::element_type, TypedDataLoader<std::vector<int64_t>>>);
  std::vector<int64_t> all;
  for (auto& batch : *loader) all.insert(all.end(), batch.begin(), batch.end());
  std::sort(all.begin(), all.end());
  EXPECT_THAT(all, ElementsAre(0, 1, 4, 9, 16, 25, 36));
}

// --- streams ---

// Numbers 0 .. n - 1 dealt out to the shards; those divisible by `bad` cannot be read.
struct Counting {
  int64_t n = 0;
  int64_t bad = 0;
  int64_t given = 0;

  std::optional<Example> next(StreamContext& context) {
    const int64_t number = given * context.num_shards() + context.shard();
    if (number >= n) return std::nullopt;
    ++given;
    if (bad > 0 && number % bad == 0 && number > 0) throw std::runtime_error("no number " + std::to_string(number));
    return Example{filled(2, number), at::full({}, context.rng().uniform(), at::kDouble)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n, bad, given);
  }
};

std::vector<int64_t> numbers_of(DataLoader& loader) {
  std::vector<int64_t> numbers;
  for (auto& batch : loader)
    for (int64_t row = 0; row < batch.size(); ++row) numbers.push_back(batch.data()[row][1].item<int64_t>());
  return numbers;
}

TEST_P(Kinds, StreamsGiveEverySampleOnce) {
  auto loader = make_data_loader(Counting{101}, options(4));
  for (int epoch = 0; epoch < 3; ++epoch) {
    auto numbers = numbers_of(*loader);
    ASSERT_EQ(numbers.size(), 101U) << "epoch " << epoch;
    std::sort(numbers.begin(), numbers.end());
    for (int64_t i = 0; i < 101; ++i) ASSERT_EQ(numbers[static_cast<size_t>(i)], i);
  }
}

TEST_P(Kinds, StreamsTakeTurns) {
  if (!GetParam().in_order) GTEST_SKIP() << "as completed";
  auto loader = make_data_loader(Counting{12}, options(2).num_streams(3));
  EXPECT_THAT(numbers_of(*loader), ElementsAre(0, 3, 1, 4, 2, 5, 6, 9, 7, 10, 8, 11));
}

// As Counting, with a state.
struct Resumable {
  Counting counting;
  static inline int64_t steps = 0;

  size_t size() const { return static_cast<size_t>(counting.n); }
  std::optional<Example> next(StreamContext& context) {
    ++steps;
    return counting.next(context);
  }
  State state() const { return {{"given", counting.given}}; }
  void load_state(const State& state) { counting.given = std::get<int64_t>(state.at("given")); }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(counting);
  }
};

TEST_P(Kinds, AChainGivesOneDatasetBehindTheOther) {
  auto loader = make_data_loader(ChainDataset(std::vector<Resumable>{{{5}}, {{0}}, {{3}}}), options(2).num_streams(1));
  EXPECT_EQ(loader->size(), 4);
  auto numbers = numbers_of(*loader);
  if (GetParam().in_order) {
    EXPECT_THAT(numbers, ElementsAre(0, 1, 2, 3, 4, 0, 1, 2));
  } else {
    EXPECT_EQ(numbers.size(), 8U);
  }
}

TEST_P(Kinds, EachStreamDropsItsOwnShortBatch) {
  auto loader = make_data_loader(Counting{11}, options(2).num_streams(2).drop_last(true));
  EXPECT_EQ(numbers_of(*loader).size(), 10U);  // 6 and 5 samples: 3 and 2 batches.
}

TEST_P(Kinds, AStreamGoesOnAfterAnError) {
  auto loader = make_data_loader(Counting{20, 7}, options(2).num_streams(2));
  std::vector<int64_t> numbers;
  int errors = 0;
  for (bool more = true; more;) {
    try {
      const auto batch = loader->next();
      more = batch.has_value();
      for (int64_t row = 0; more && row < batch->size(); ++row)
        numbers.push_back(batch->data()[row][0].item<int64_t>());
    } catch (const SampleError& e) {
      ++errors;
      EXPECT_THAT(e.what(), HasSubstr("no number"));
    }
  }
  EXPECT_EQ(errors, 2);            // 7 and 14,
  EXPECT_EQ(numbers.size(), 16U);  // which each cost a batch of two.
}

TEST_P(Kinds, AStreamSkipsWhatCannotBeRead) {
  auto loader = make_data_loader(Counting{20, 7}, options(2).num_streams(2).on_error(OnError::kSkip));
  EXPECT_EQ(numbers_of(*loader).size(), 18U);
  EXPECT_EQ(loader->stats().skipped_samples, 2U);
}

// --- errors of samples by index ---

struct Poisoned {
  int64_t n = 0;
  int64_t bad = 1;
  bool deadly = false;

  size_t size() const { return static_cast<size_t>(n); }
  int64_t get(size_t i) const {
    if (i % static_cast<size_t>(bad) == 3) {
      if (deadly) ::raise(SIGKILL);
      throw std::runtime_error("poison");
    }
    return static_cast<int64_t>(i);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n, bad, deadly);
  }
};

TEST_P(Kinds, SkippedSamplesMakeTheirBatchShorter) {
  auto loader = make_data_loader(Poisoned{20, 10}, options(5).on_error(OnError::kSkip));
  std::map<int64_t, int> sizes;
  int64_t sum = 0;
  for (auto& batch : *loader) {
    ++sizes[batch.size()];
    for (int64_t row = 0; row < batch.size(); ++row) {
      EXPECT_EQ(batch.data()[row].item<int64_t>(), batch.indices()[static_cast<size_t>(row)]);
      sum += batch.data()[row].item<int64_t>();
    }
  }
  EXPECT_EQ(sum, 190 - 3 - 13);
  EXPECT_THAT(sizes, ElementsAre(std::pair(4, 2), std::pair(5, 2)));
  EXPECT_EQ(loader->stats().skipped_samples, 2U);
  EXPECT_THAT(loader->stats().last_error, HasSubstr("poison"));
}

TEST_P(Kinds, ReplacedSamplesKeepTheBatchFull) {
  auto loader = make_data_loader(Poisoned{20, 10}, options(5).on_error(OnError::kReplace));
  int64_t samples = 0;
  for (auto& batch : *loader) {
    samples += batch.size();
    for (int64_t row = 0; row < batch.size(); ++row)
      EXPECT_EQ(batch.data()[row].item<int64_t>(), batch.indices()[static_cast<size_t>(row)]);
    if (batch.indices().front() == 0) {
      EXPECT_EQ(batch.indices()[3], 4);
    }
  }
  EXPECT_EQ(samples, 20);
  EXPECT_EQ(loader->stats().replaced_samples, 2U);
}

TEST_P(Kinds, ABatchOfNothingButPoisonIsLeftOut) {
  auto loader = make_data_loader(Poisoned{8, 4}, options(1).on_error(OnError::kSkip));
  int batches = 0;
  for (auto& batch : *loader) batches += static_cast<int>(batch.size());
  EXPECT_EQ(batches, 6);
}

TEST_P(Kinds, ASampleThatKillsIsGivenUpAndSkipped) {
  if (!GetParam().survives_deaths()) GTEST_SKIP() << "a sample that kills kills the trainer";
  auto loader = make_data_loader(Poisoned{12, 12, true}, options(4).retries(1).on_error(OnError::kSkip));
  int64_t sum = 0;
  for (auto& batch : *loader)
    for (const int64_t index : batch.indices()) sum += index;
  EXPECT_EQ(sum, 66 - 3);
  EXPECT_GE(loader->stats().worker_deaths, 2U);  // More where the next epoch has begun.
  EXPECT_THAT(loader->stats().last_error, HasSubstr("reading sample 3"));
}

// --- resume ---

template <class Make>
void resumes_everywhere(const Make& make, int epochs) {
  using testing::fingerprint;
  std::vector<std::string> all;  // Of every batch, and a mark between epochs.
  {
    auto loader = make();
    for (int epoch = 0; epoch < epochs;) {
      auto batch = loader->next();
      if (!batch) ++epoch;
      all.push_back(batch ? fingerprint(*batch) : "end");
    }
  }
  for (size_t k = 0; k < all.size(); k += 3) {
    LoaderState state;
    {
      auto loader = make();
      for (size_t i = 0; i < k; ++i) loader->next();
      state = loader_state_from_string(to_string(loader->state_dict()));
    }
    auto loader = make();
    loader->load_state_dict(state);
    for (size_t i = k; i < all.size(); ++i) {
      const auto batch = loader->next();
      ASSERT_EQ(batch ? fingerprint(*batch) : "end", all[i]) << "batch " << i << ", resumed before " << k;
    }
  }
}

TEST_P(Kinds, ResumesRows) {
  if (!GetParam().in_order) GTEST_SKIP() << "as completed";
  if (GetParam().start_method == StartMethod::kSpawn) GTEST_SKIP() << "a second a loader; see ResumesStreams";
  resumes_everywhere(
      [&] { return make_data_loader(Poisoned{23, 100}, options(5).shuffle(true).seed(3).on_error(OnError::kSkip)); },
      2);
}

TEST_P(Kinds, ResumesStreams) {
  if (!GetParam().in_order) GTEST_SKIP() << "as completed";
  if (GetParam().start_method == StartMethod::kSpawn) GTEST_SKIP() << "a second a loader";
  resumes_everywhere([&] { return make_data_loader(Counting{31}, options(3).num_streams(3)); }, 2);
}

TEST_P(Kinds, ResumesChains) {
  if (!GetParam().in_order) GTEST_SKIP() << "as completed";
  if (GetParam().start_method == StartMethod::kSpawn) GTEST_SKIP() << "a second a loader";
  resumes_everywhere(
      [&] {
        return make_data_loader(ChainDataset(std::vector<Resumable>{{{15}}, {{0}}, {{9}}}), options(3).num_streams(2));
      },
      2);
}

// A state spares the samples before it.
TEST(Streams, AreResumedFromTheirState) {
  const auto make = [] { return make_data_loader(Resumable{{1000}}, DataLoaderOptions(10).num_streams(1)); };
  auto loader = make();
  for (int i = 0; i < 50; ++i) loader->next();
  const auto state = loader->state_dict();
  auto resumed = make();
  resumed->load_state_dict(state);
  Resumable::steps = 0;
  EXPECT_EQ(resumed->next()->data()[0][0].item<int64_t>(), 500);
  EXPECT_EQ(Resumable::steps, 10);
}

}  // namespace
}  // namespace millrace
