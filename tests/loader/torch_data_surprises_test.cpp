#include <ATen/ops/arange.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/samplers/sequence_sampler.h"
#include "millrace/tests/conformance/places.h"
#include "millrace/tests/support/directory.h"

// What docs/from_torch_data.md says under "What else differs", in every kind of worker.
namespace millrace::torch_data_surprises_test {
namespace {

using ::testing::HasSubstr;

// As torch::data's: whole batches, some of which are not what a batch can carry.
struct Tensors {
  enum class Kind { kTransposed, kExpanded, kWithHistory, kSparse };

  Tensors() = default;
  explicit Tensors(Kind what) : kind(what) {}

  size_t size() const { return 6; }
  Example get_batch(const std::vector<size_t>& indices) const {
    const auto rows = static_cast<int64_t>(indices.size());
    const at::Tensor plain = at::arange(rows * 6, at::kFloat).view({rows, 2, 3});
    switch (kind) {
      case Kind::kTransposed:
        return {plain.transpose(1, 2), at::ones({rows})};
      case Kind::kExpanded:
        return {at::ones({1, 4}).expand({rows, 4}), at::ones({rows})};
      case Kind::kWithHistory:
        return {plain.clone().set_requires_grad(true).mul(2), at::ones({rows})};
      case Kind::kSparse:
        return {at::eye(rows).to_sparse(), at::ones({rows})};
    }
    throw std::logic_error("no such kind");
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(kind);
  }

  Kind kind = Kind::kTransposed;
};

// Each sample that is read leaves a file of its number.
struct Marking {
  std::string folder;

  size_t size() const { return 4; }
  int64_t get(size_t index) const {
    std::ofstream(folder + "/" + std::to_string(index), std::ios::app).put('x');
    return static_cast<int64_t>(index);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(folder);
  }
};

struct Numbers {
  size_t size() const { return 10; }
  int64_t get(size_t index) const {
    if (index == 5) throw std::runtime_error("no number 5");
    return static_cast<int64_t>(index);
  }
  template <class Archive>
  void serialize(Archive&) {}
};

class TorchDataSurprises : public ::testing::TestWithParam<millrace::testing::Place> {
 protected:
  DataLoaderOptions options(int64_t batch_size) const { return GetParam().options(batch_size).in_order(true); }
};

TEST(TorchDataSurprise, APlainSwapHasNoWorkers) {
  auto loader = make_data_loader(Numbers(), DataLoaderOptions(2));
  EXPECT_EQ(loader->options().num_workers(), 0);
  loader->next();
  EXPECT_TRUE(loader->worker_pids().empty());
}

TEST_P(TorchDataSurprises, TensorsArriveContiguous) {
  auto transposed = make_data_loader(Tensors(Tensors::Kind::kTransposed), options(2));
  const auto batch = transposed->next();
  EXPECT_TRUE(batch->data.is_contiguous());
  EXPECT_TRUE(batch->data.equal(at::arange(12, at::kFloat).view({2, 2, 3}).transpose(1, 2)));
  auto expanded = make_data_loader(Tensors(Tensors::Kind::kExpanded), options(2));
  EXPECT_EQ(expanded->next()->data.strides(), (std::vector<int64_t>{4, 1}));
}

TEST_P(TorchDataSurprises, TensorsArriveWithoutGradientHistory) {
  auto loader = make_data_loader(Tensors(Tensors::Kind::kWithHistory), options(2));
  EXPECT_FALSE(loader->next()->data.requires_grad());
}

TEST_P(TorchDataSurprises, SparseTensorsAreAnErrorThatSaysWhatToDo) {
  auto loader = make_data_loader(Tensors(Tensors::Kind::kSparse), options(2).max_sample_bytes(64));
  try {
    loader->next();
    FAIL() << "no error";
  } catch (const SampleError& e) {
    EXPECT_THAT(e.what(), HasSubstr("a batch carries strided tensors only: convert sparse"));
  }
}

size_t files_in(const std::string& folder) {
  size_t times = 0;
  for (const auto& file : std::filesystem::directory_iterator(folder)) times += file.file_size();
  return times;
}

TEST_P(TorchDataSurprises, NoSampleOfTheNextEpochIsReadWhereThatIsNotWanted) {
  const test::Directory folder;
  auto loader = make_data_loader(Marking{folder.path()}, options(2).prefetch(4).prefetch_next_epoch(false));
  loader->spec();
  const size_t first = files_in(folder.path());   // Of the sample that shows what all look like.
  for (size_t epoch = 1; epoch <= 20; ++epoch) {  // Many, as workers that read ahead need not have begun at once.
    while (loader->next()) continue;
    ASSERT_EQ(files_in(folder.path()) - first, 4 * epoch);
  }
}

TEST_P(TorchDataSurprises, SamplesOfTheNextEpochAreReadByWorkersOtherwise) {
  if (GetParam().workers == 0) GTEST_SKIP() << "reads in next() alone";
  const test::Directory folder;
  auto loader = make_data_loader(Marking{folder.path()}, options(2).prefetch(4));
  loader->spec();
  const size_t first = files_in(folder.path());
  while (loader->next()) continue;
  while (files_in(folder.path()) - first <= 4) std::this_thread::yield();  // Else for ever.
}

// A thousand pictures of 48 KB are not in 256 KiB.
struct Pictures {
  size_t size() const { return 1000; }
  Example get(size_t index) const {
    return {at::ones({3, 64, 64}), at::full({}, static_cast<int64_t>(index), at::kLong)};
  }
  template <class Archive>
  void serialize(Archive&) {}
};

TEST_P(TorchDataSurprises, TheTargetsOfAllBatchesCanBeKeptInTheRoomOfTargets) {
  auto loader = make_data_loader(Pictures(), options(1).kept_bytes(256 << 10));
  std::vector<at::Tensor> targets;
  for (auto& batch : *loader) targets.push_back(batch.target());
  ASSERT_EQ(targets.size(), 1000U);
  EXPECT_EQ(loader->stats().kept_batches, 998U);
  for (int64_t i = 0; i < 1000; ++i) EXPECT_EQ(targets[static_cast<size_t>(i)].item<int64_t>(), i);
}

// Counts what it was asked for.
struct Counted {
  int64_t* asked;
  int64_t at = 0;
  int64_t size() const { return 3; }
  void set_epoch(int64_t) { at = 0; }
  std::optional<int64_t> next() {
    if (at == size()) return std::nullopt;
    ++*asked;
    return at++;
  }
};

TEST_P(TorchDataSurprises, ASamplerIsAskedForNoMoreThanTheEpochWhereThatIsNotWanted) {
  for (const bool next_epoch : {true, false}) {
    int64_t asked = 0;
    auto loader = make_data_loader(Numbers(), Counted{&asked}, options(1).prefetch(4).prefetch_next_epoch(next_epoch));
    for (int epoch = 1; epoch < 4; ++epoch) {
      while (loader->next()) continue;
      if (next_epoch)
        EXPECT_GT(asked, epoch * 3);
      else
        EXPECT_EQ(asked, epoch * 3);
    }
  }
}

TEST_P(TorchDataSurprises, IndicesOutsideAndBatchesThatAreTooLargeAreErrorsInTheirTurn) {
  struct Batches {
    int64_t at = 0;
    int64_t size() const { return 4; }
    void set_epoch(int64_t) { at = 0; }
    bool next(std::vector<int64_t>& batch) {
      static const std::vector<std::vector<int64_t>> all = {{1, 2}, {3, 10}, {0, 1, 2}, {4}};
      batch = at < size() ? all[static_cast<size_t>(at)] : std::vector<int64_t>();
      return at++ < size();
    }
  };
  auto loader = make_data_loader(Numbers(), Batches(), options(2));
  const auto error = [&]() -> std::string {
    try {
      loader->next();
    } catch (const std::out_of_range& e) {
      return e.what();
    }
    return "none";
  };
  EXPECT_EQ(error(), "none");
  EXPECT_THAT(error(), HasSubstr("the sampler gave index 10 for a dataset of 10 samples"));
  EXPECT_THAT(error(), HasSubstr("the sampler gave a batch of 3 samples, but batch_size is 2"));
  EXPECT_EQ(loader->next()->size(), 1);
}

TEST_P(TorchDataSurprises, ErrorsComeFromTheLookAtABatch) {
  auto loader = make_data_loader(Numbers(), SequenceSampler({5, 6, 5, 7}), options(1));
  auto it = loader->begin();
  EXPECT_THROW(*it, SampleError);
  EXPECT_EQ((*it).data().item<int64_t>(), 6) << "the next look goes on behind the lost batch";
  ++it;
  EXPECT_THROW(static_cast<void>(it == loader->end()), SampleError);
  EXPECT_EQ((*it).data().item<int64_t>(), 7);
}

INSTANTIATE_TEST_SUITE_P(Everywhere, TorchDataSurprises, ::testing::ValuesIn(millrace::testing::quickest_places()),
                         millrace::testing::place_name);

}  // namespace
}  // namespace millrace::torch_data_surprises_test
