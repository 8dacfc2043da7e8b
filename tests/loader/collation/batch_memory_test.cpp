#include "millrace/loader/collation/batch_memory.h"

#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/full.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "millrace/loader/collate.h"
#include "millrace/loader/collation/packed.h"
#include "millrace/loader/columns.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/sample.h"

namespace millrace::batch_memory_test {
namespace {

class InBatchMemory : public testing::Test {
 protected:
  std::span<std::byte> memory() { return memory_; }

  bool holds(const at::Tensor& tensor) const {
    const auto* at = static_cast<const std::byte*>(tensor.const_data_ptr());
    return at >= memory_.data() && at + tensor.nbytes() <= memory_.data() + memory_.size();
  }

  // As it comes to the trainer.
  template <class B>
  B packed(const B& value) {
    PackedBatch batch;
    pack_value(batch, value);
    const PackedLayout layout(batch, {}, memory_);
    EXPECT_LE(layout.bytes(), memory_.size());
    layout.write(memory_);
    return unpack_value<B>(read_packed(memory_, nullptr));
  }

 private:
  alignas(PackedLayout::kAlignment) std::array<std::byte, 4'096> memory_{};
};

std::vector<Sample> samples(size_t count, const std::string& text = "") {
  std::vector<Sample> made;
  for (size_t i = 0; i < count; ++i)
    made.push_back({{"x", at::full({5}, static_cast<int64_t>(i), at::kLong)}, {"text", text}});
  return made;
}

at::Tensor column(const std::vector<Sample>& samples) {
  std::vector<at::Tensor> tensors;
  for (const Sample& sample : samples) tensors.push_back(sample.get<at::Tensor>("x"));
  return at::stack(tensors);
}

TEST_F(InBatchMemory, WhatIsStackedStaysWhereItIs) {
  const BatchMemory current(memory());
  const Columns made = collate::Default()(samples(4));
  const at::Tensor stacked = made.tensor("x");
  EXPECT_TRUE(holds(stacked));
  const Columns read = packed(made);
  EXPECT_EQ(read.tensor("x").const_data_ptr(), stacked.const_data_ptr());
  EXPECT_TRUE(at::equal(read.tensor("x"), column(samples(4))));
}

TEST_F(InBatchMemory, SeveralTensorsDoNotOverlap) {
  const BatchMemory current(memory());
  const std::vector<at::Tensor> made = {BatchMemory::empty({3}, at::kByte).fill_(1),
                                        BatchMemory::empty({70}, at::kByte).fill_(2),
                                        BatchMemory::empty({2, 2}, at::kDouble).fill_(3)};
  const auto read = packed(made);
  ASSERT_EQ(read.size(), 3U);
  EXPECT_TRUE(at::equal(read[0], at::full({3}, 1, at::kByte)));
  EXPECT_TRUE(at::equal(read[1], at::full({70}, 2, at::kByte)));
  EXPECT_TRUE(at::equal(read[2], at::full({2, 2}, 3, at::kDouble)));
}

TEST_F(InBatchMemory, TensorsOfOtherMemoryAreCopiedBesideThem) {
  const BatchMemory current(memory());
  const std::vector<at::Tensor> made = {at::arange(6), BatchMemory::empty({3}, at::kByte).fill_(1), at::arange(3),
                                        at::arange(8).slice(0, 0, 8, 2)};
  const auto read = packed(made);
  ASSERT_EQ(read.size(), made.size());
  for (size_t i = 0; i < read.size(); ++i) EXPECT_TRUE(at::equal(read[i], made[i])) << i;
}

TEST_F(InBatchMemory, WithoutRoomTensorsHaveMemoryOfTheirOwn) {
  const BatchMemory current(memory());
  EXPECT_FALSE(holds(BatchMemory::empty({5'000}, at::kByte)));
  EXPECT_TRUE(holds(BatchMemory::empty({4'000}, at::kByte)));
  EXPECT_FALSE(holds(BatchMemory::empty({100}, at::kByte)));
}

TEST_F(InBatchMemory, WhatStandsBeforeThemMovesThemWhereItIsLong) {
  const BatchMemory current(memory());
  BatchMemory::empty({2'000}, at::kByte);  // Of no tensor of the batch.
  const at::Tensor large = BatchMemory::empty({1'500}, at::kByte).fill_(7);
  const at::Tensor small = BatchMemory::empty({64}, at::kByte).fill_(8);  // Where the text is going to be.
  const auto [read_large, read_small, text] = packed(std::tuple(large, small, std::string(700, 'x')));
  EXPECT_NE(read_small.const_data_ptr(), small.const_data_ptr());
  EXPECT_TRUE(at::equal(read_large, at::full({1'500}, 7, at::kByte)));
  EXPECT_TRUE(at::equal(read_small, at::full({64}, 8, at::kByte)));
  EXPECT_EQ(text, std::string(700, 'x'));
}

TEST_F(InBatchMemory, IsTheInnerOneInAThreadAndNobodysBehindIt) {
  {
    const BatchMemory current(memory());
    EXPECT_TRUE(holds(BatchMemory::empty({3}, at::kByte)));
  }
  EXPECT_FALSE(holds(BatchMemory::empty({3}, at::kByte)));
}

TEST_F(InBatchMemory, TensorsOfSeveralTypesBecomeTheLargerOneOutsideOfIt) {
  const BatchMemory current(memory());
  const at::Tensor made =
      collate::Default()(std::vector<at::Tensor>{at::full({2}, 1, at::kLong), at::full({2}, 0.5)}).tensor("data");
  EXPECT_EQ(made.scalar_type(), at::kFloat);
  EXPECT_TRUE(at::equal(made, at::stack({at::full({2}, 1, at::kLong), at::full({2}, 0.5)})));
}

TEST_F(InBatchMemory, TensorsWhoseElementsAreNotInOrderAreStackedAsByPyTorch) {
  const BatchMemory current(memory());
  const std::vector<at::Tensor> turned = {at::arange(6).view({2, 3}).t(), at::arange(6, 12).view({2, 3}).t()};
  const at::Tensor made = collate::Default()(std::vector<at::Tensor>(turned)).tensor("data");
  EXPECT_TRUE(holds(made));
  EXPECT_TRUE(at::equal(made, at::stack(turned)));
}

TEST_F(InBatchMemory, PaddedTensorsAreMadeThere) {
  const BatchMemory current(memory());
  const Columns made = collate::Pad{-1}(std::vector<Sample>{{{"x", at::arange(3)}}, {{"x", at::arange(2)}}});
  EXPECT_TRUE(holds(made.tensor("x")));
  EXPECT_TRUE(at::equal(packed(made).tensor("x")[1], at::tensor({0, 1, -1}, at::kLong)));
}

struct Counted {
  size_t size() const { return 40; }
  Sample get(size_t i) const { return {{"x", at::full({5}, static_cast<int64_t>(i), at::kLong)}, {"text", "t"}}; }
  template <class Archive>
  void serialize(Archive&) {}
};

/// Samples of which the first, by which the room of a batch is judged, is the smallest by far.
struct Growing {
  size_t size() const { return 40; }
  Sample get(size_t i) const {
    return {{"x", at::full({8}, static_cast<int64_t>(i), at::kLong)}, {"text", std::string(i == 0 ? 1 : 5'000, 't')}};
  }
  template <class Archive>
  void serialize(Archive&) {}
};

TEST(BatchMemory, BatchesThatDoNotFitTheirMemoryComeWholeAllTheSame) {
  for (const int workers : {0, 2}) {
    auto loader = make_data_loader(Growing(), DataLoaderOptions(4).num_workers(workers));
    int64_t first = 0;
    for (auto& batch : *loader) {
      EXPECT_TRUE(at::equal(batch["x"], at::arange(first, first + 4).view({4, 1}).expand({4, 8}))) << workers;
      first += 4;
    }
    EXPECT_EQ(first, 40);
  }
}

std::vector<at::Tensor> g_kept;

struct KeepsWhatDefaultMakes {
  Columns operator()(std::vector<Sample>&& samples) const {
    Columns made = collate::Default()(std::move(samples));
    g_kept.push_back(made.tensor("x"));
    return made;
  }
};

TEST(BatchMemory, ACollatorOfTheUsersMayKeepWhatDefaultMakesForIt) {
  g_kept.clear();
  auto loader = make_data_loader(Counted(), DataLoaderOptions(4).num_workers(0), KeepsWhatDefaultMakes());
  for (int epoch = 0; epoch < 2; ++epoch) {
    g_kept.clear();
    for (auto& batch : *loader) static_cast<void>(batch);
    ASSERT_EQ(g_kept.size(), 10U);
    for (int64_t b = 0; b < 10; ++b)
      EXPECT_TRUE(at::equal(g_kept[static_cast<size_t>(b)], at::arange(4 * b, 4 * b + 4).view({4, 1}).expand({4, 5})));
  }
}

}  // namespace
}  // namespace millrace::batch_memory_test
