// Datasets of users that hold tensors, and how these get to workers.

#include <ATen/ops/arange.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <map>
#include <string>
#include <utility>

#include "millrace/sharing/tensor/share_memory.h"
#include "millrace/tests/loader/datasets_for_tests.h"

namespace millrace::travelling_test {
namespace {

using millrace::testing::Hash;
using millrace::testing::kInline;
using millrace::testing::Mode;
using millrace::testing::processes;
using ::testing::HasSubstr;

/// Pictures and labels as a user may keep them, and how often each was read.
struct Album {
  at::Tensor pictures = at::arange(60 * 12, at::kFloat).reshape({60, 3, 4}).transpose(1, 2);
  std::map<std::string, at::Tensor> labels = {{"class", at::arange(60, at::kLong)}};
  at::Tensor reads = at::zeros({60}, at::kInt);

  size_t size() const { return static_cast<size_t>(pictures.size(0)); }
  std::pair<at::Tensor, at::Tensor> get(size_t i) const {
    const auto row = static_cast<int64_t>(i);
    reads[row].add_(1);
    return {pictures[row], labels.at("class")[row]};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(pictures, labels, reads);
  }
};

// Every sample of one epoch, in order, as the loader's batches hold it.
template <class D>
uint64_t hash_of(const D& dataset, const Mode& mode) {
  auto loader = make_data_loader(dataset, mode.options(8));
  Hash hash;
  for (auto& batch : *loader) hash.add(batch);
  return hash.value();
}

class TensorsOfADataset : public ::testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(StartMethod, TensorsOfADataset,
                         ::testing::Values(StartMethod::kForkServer, StartMethod::kSpawn),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

TEST_P(TensorsOfADataset, ReachTheWorkersByItsSerialize) {
  EXPECT_EQ(hash_of(Album(), processes(GetParam(), 2)), hash_of(Album(), kInline));
}

TEST_P(TensorsOfADataset, AreTheTrainersOwnMemory) {
  const Album album;
  const void* const before = album.pictures.const_data_ptr();
  hash_of(album, processes(GetParam(), 2));
  EXPECT_TRUE(is_shared(album.pictures));
  EXPECT_NE(album.pictures.const_data_ptr(), before) << "it has moved, in place";
  EXPECT_GE(album.reads.min().item<int>(), 1) << "the workers wrote into it";
}

/// Its worker dies when it reads sample 20 the first time.
struct Fatal : Album {
  at::Tensor deaths = at::zeros({1}, at::kInt);

  std::pair<at::Tensor, at::Tensor> get(size_t i) const {
    if (i == 20 && deaths.item<int>() == 0) {
      deaths.add_(1);
      ::raise(SIGKILL);
    }
    return Album::get(i);
  }
  template <class Archive>
  void serialize(Archive& archive) {
    Album::serialize(archive);
    archive(deaths);
  }
};

TEST_P(TensorsOfADataset, ReachTheWorkerThatReplacesADeadOneToo) {
  const Fatal fatal;
  EXPECT_EQ(hash_of(fatal, processes(GetParam(), 1)), hash_of(Album(), kInline));
  EXPECT_EQ(fatal.deaths.item<int>(), 1);
}

TEST_P(TensorsOfADataset, ThatCannotBeSentAreRefusedWhenTheLoaderIsMade) {
  Album album;
  album.pictures = album.pictures.requires_grad_(true).mul(2);
  try {
    make_data_loader(album, processes(GetParam(), 2).options(8));
    ADD_FAILURE() << "a tensor with history was sent";
  } catch (const std::invalid_argument& e) {
    EXPECT_THAT(e.what(), HasSubstr("non-leaf tensor which requires_grad"));
  }
}

TEST(TensorsOfALiveDataset, StayWhereTheyAre) {
  for (const auto& mode : {kInline, millrace::testing::threads(2), processes(StartMethod::kFork, 2)}) {
    const Album album;
    const void* const before = album.pictures.const_data_ptr();
    hash_of(album, mode);
    EXPECT_FALSE(is_shared(album.pictures)) << mode.name;
    EXPECT_EQ(album.pictures.const_data_ptr(), before) << mode.name;
  }
}

}  // namespace
}  // namespace millrace::travelling_test
