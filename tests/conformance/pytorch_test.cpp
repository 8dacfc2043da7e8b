// What PyTorch's test_dataloader.py asks of a loader and no other test here does, wherever samples are read.
#include <ATen/Parallel.h>
#include <ATen/ops/conv1d.h>
#include <ATen/ops/full.h>
#include <ATen/ops/ones.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/tests/conformance/places.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::pytorch_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class PyTorchs : public ::testing::TestWithParam<testing::Place> {
 protected:
  DataLoaderOptions options(int64_t batch_size) const { return GetParam().options(batch_size); }
};

INSTANTIATE_TEST_SUITE_P(Places, PyTorchs, ::testing::ValuesIn(testing::quick_places()), testing::place_name);

// Large enough for torch to share it out among its threads.
at::Tensor convolved(double value) {
  return at::conv1d(at::full({1, 1, 1 << 18}, value), at::ones({1, 1, 2})).flatten();
}

struct Convolutions {
  size_t size() const { return 6; }
  at::Tensor get(size_t i) const { return convolved(static_cast<double>(i)); }
};

// torch's threads for the life of the object.
class TorchThreads {
 public:
  explicit TorchThreads(int count) : before_(at::get_num_threads()) { at::set_num_threads(count); }
  TorchThreads(const TorchThreads&) = delete;
  TorchThreads& operator=(const TorchThreads&) = delete;
  ~TorchThreads() { at::set_num_threads(before_); }

 private:
  int before_;
};

// Forked workers have none of the threads that the trainer's computing has started, and must not wait for them.
TEST_P(PyTorchs, WorkersComputeAfterTheTrainerHasComputedWithManyThreads) {
  const test::Watchdog watchdog("workers compute", test::kLong);
  const TorchThreads threads(4);
  EXPECT_EQ(convolved(1).sum().item<double>(), 2. * ((1 << 18) - 1));
  auto loader = make_data_loader(Convolutions(), options(2));
  int64_t samples = 0;
  for (auto& batch : *loader)
    for (int64_t row = 0; row < batch.size(); ++row, ++samples)
      EXPECT_EQ(batch.data()[row].max().item<double>(), 2. * static_cast<double>(batch.indices().at(row)));
  EXPECT_EQ(samples, 6);
}

struct Texts {
  size_t size() const { return 20; }
  std::string get(size_t i) const { return std::to_string(i); }
};

TEST_P(PyTorchs, SamplesWithoutCollationMayBeShuffled) {
  auto loader = make_data_loader(Texts(), options(1).shuffle(true).seed(1), collate::None());
  std::vector<int> numbers, in_order;
  for (int i = 0; i < 20; ++i) in_order.push_back(i);
  for (auto& text : *loader) numbers.push_back(std::stoi(text));
  EXPECT_THAT(numbers, Not(::testing::ElementsAreArray(in_order)));
  std::sort(numbers.begin(), numbers.end());
  EXPECT_EQ(numbers, in_order);
}

struct Stream {
  std::optional<int64_t> next(StreamContext&) { return std::nullopt; }
};

template <class Make>
std::string refusal(const Make& make) {
  try {
    make();
  } catch (const std::invalid_argument& e) {
    return e.what();
  }
  return "nothing was thrown";
}

TEST(PyTorchsArguments, ShuffleAndSamplersAreRefusedForStreams) {
  const std::string text = "a dataset without indices has no sampler and no shuffle";
  EXPECT_THAT(refusal([] { make_data_loader(Stream(), DataLoaderOptions(2).shuffle(true)); }), HasSubstr(text));
  EXPECT_THAT(refusal([] { make_data_loader(Stream(), SequentialSampler(3), DataLoaderOptions(2)); }), HasSubstr(text));
}

}  // namespace
}  // namespace millrace::pytorch_test
