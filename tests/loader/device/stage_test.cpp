#include <ATen/ops/full.h>
#include <gmock/gmock.h>

#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/tests/loader/device/device_testing.h"

// Batch::to() and loaders with device().
namespace millrace {
namespace {

using ::testing::HasSubstr;
using testing::kFirstDevice;
using testing::Numbers;
using testing::Troubled;

using To = testing::OnFakeDevice;

TEST_F(To, TheCpuIsTheSameBatch) {
  auto loader = make_data_loader(Numbers{40}, DataLoaderOptions(8).pin_memory(true));
  const auto batch = loader->next();
  const Batch same = batch->to(c10::kCPU);
  EXPECT_EQ(same.data().const_data_ptr(), batch->data().const_data_ptr());
  EXPECT_EQ(same.indices(), batch->indices());
  EXPECT_TRUE(same.is_pinned());
}

TEST_F(To, ADeviceIsACopyWithEverythingElseAsItWas) {
  for (const bool pinned : {false, true}) {
    auto loader = make_data_loader(Numbers{40}, DataLoaderOptions(8).pin_memory(pinned));
    const auto batch = loader->next();
    for (const bool non_blocking : {false, true}) {
      const Batch there = batch->to(c10::kCUDA, non_blocking);
      EXPECT_EQ(there.data().device(), kFirstDevice);
      EXPECT_EQ(there.indices(), batch->indices());
      EXPECT_EQ(there.size(), 8);
      EXPECT_EQ(there.epoch(), 0);
      EXPECT_EQ(there["noise"].scalar_type(), at::kDouble);
      EXPECT_TRUE(testing::is_whole_on_device(there));
      EXPECT_THROW(there.to(kFirstDevice), std::logic_error);
    }
  }
}

TEST_F(To, ATensorThatWasTransposedStaysSo) {
  auto loader = make_data_loader(Numbers{40, 4}, DataLoaderOptions(8).pin_memory(true));
  const auto batch = loader->next();
  batch->data().transpose_(0, 1);
  const Batch there = batch->to(kFirstDevice);
  EXPECT_EQ(there.data().sizes(), (std::vector<int64_t>{4, 8}));
  EXPECT_EQ(there.data().strides(), batch->data().strides());
}

TEST_F(To, WaitsForTheCopyWhenAskedTo) {
  const fake_cuda::Setting late("copy_delay_us", 20'000);
  for (const bool pinned : {false, true}) {
    auto loader = make_data_loader(Numbers{40}, DataLoaderOptions(8).pin_memory(pinned));
    const auto batch = loader->next();
    const Batch there = batch->to(kFirstDevice, /*non_blocking=*/false);
    // Device memory of the fake can be read where it is.
    EXPECT_EQ(static_cast<const int64_t*>(there.data().const_data_ptr())[0], batch->indices()[0]);
  }
}

TEST_F(To, PlacesThatThereAreNot) {
  auto loader = make_data_loader(Numbers{40}, 8);
  const auto batch = loader->next();
  EXPECT_THROW(batch->to(c10::kMeta), std::invalid_argument);
  EXPECT_THROW(batch->to(c10::Device(c10::kCUDA, 7)), std::invalid_argument);
  EXPECT_THROW(make_data_loader(Numbers{40}, DataLoaderOptions(8).device(c10::kMeta)), std::invalid_argument);
  EXPECT_THROW(make_data_loader(Numbers{40}, DataLoaderOptions(8).device({c10::kCUDA, 7})), std::invalid_argument);
  EXPECT_THROW(make_data_loader(Numbers{40}, DataLoaderOptions(8).device_prefetch(-1)), std::invalid_argument);
}

struct Captions {
  int64_t n = 0;

  size_t size() const { return static_cast<size_t>(n); }
  Sample get(size_t i) const {
    const auto number = static_cast<int64_t>(i);
    return {{"tokens", at::full({400 * (1 + number % 3)}, number, at::kLong)},
            {"caption", "text " + std::to_string(i)},
            {"id", number}};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(n);
  }
};

void expect_captions(const Batch& batch) {
  const at::Tensor id = fake_torch::to_host(batch["id"]);
  ASSERT_EQ(batch.columns().find("tokens")->index(), 2u);
  for (int64_t row = 0; row < batch.size(); ++row) {
    const auto r = static_cast<size_t>(row);
    const int64_t i = batch.indices()[r];
    EXPECT_EQ(id.const_data_ptr<int64_t>()[row], i);
    EXPECT_EQ(batch.strings("caption")[r], "text " + std::to_string(i));
    const at::Tensor tokens = fake_torch::to_host(batch.tensors("tokens")[r]);
    ASSERT_EQ(tokens.numel(), 400 * (1 + i % 3));
    EXPECT_EQ(tokens.const_data_ptr<int64_t>()[tokens.numel() - 1], i);
  }
}

TEST_F(To, StringsStayAndRaggedTensorsAreCopiedOneByOne) {
  const fake_cuda::Setting late("copy_delay_us", 100);
  for (const uint64_t room : {0, 1}) {  // 1: too little, so that batches come by message.
    const auto options = DataLoaderOptions(5).num_workers(2).max_sample_bytes(room);
    auto pinned = make_data_loader(Captions{50}, DataLoaderOptions(options).pin_memory(true), collate::Ragged{});
    std::vector<Batch> there;
    while (auto batch = pinned->next()) there.push_back(batch->to(kFirstDevice));
    auto on_device = make_data_loader(Captions{50}, DataLoaderOptions(options).device(kFirstDevice), collate::Ragged{});
    while (auto batch = on_device->next()) there.push_back(*std::move(batch));
    EXPECT_EQ(there.size(), 20u);
    for (const Batch& batch : there) expect_captions(batch);
    if (room == 1) {
      EXPECT_GT(on_device->stats().spilled_batches, 0u);
    }
  }
}

struct Words {
  size_t size() const { return 10; }
  std::string get(size_t i) const { return std::to_string(i); }
};

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += word;
  return text;
}

TEST_F(To, LoadersOfOtherBatchesHaveNoDevice) {
  auto loader = make_data_loader(Words{}, DataLoaderOptions(5).pin_memory(true), joined);
  EXPECT_EQ(loader->next(), "01234");
  EXPECT_THROW(make_data_loader(Words{}, DataLoaderOptions(5).device(kFirstDevice), joined), std::invalid_argument);
}

// --- the stage ---

struct Case {
  testing::Mode mode;
  int64_t device_prefetch;
  bool in_order;
};

class Stage : public testing::OnFakeDevice, public ::testing::WithParamInterface<Case> {
 protected:
  DataLoaderOptions options() const {
    return GetParam().mode.options(8).prefetch(3).in_order(GetParam().in_order).shuffle(true).seed(5);
  }
  DataLoaderOptions on_device() const {
    return options().device(kFirstDevice).device_prefetch(GetParam().device_prefetch);
  }
};

INSTANTIATE_TEST_SUITE_P(Device, Stage,
                         ::testing::Values(Case{testing::kInline, 1, true}, Case{testing::threads(2), 2, true},
                                           Case{testing::processes(StartMethod::kForkServer, 2), 0, true},
                                           Case{testing::processes(StartMethod::kForkServer, 2), 1, true},
                                           Case{testing::processes(StartMethod::kForkServer, 2), 8, true},
                                           Case{testing::processes(StartMethod::kForkServer, 2), 2, false}),
                         [](const auto& one) {
                           return std::string(one.param.mode.name) + std::to_string(one.param.device_prefetch) +
                                  (one.param.in_order ? "" : "AsCompleted");
                         });

// What a loader does over some epochs, with a jump in the middle: batches, ends, errors, and where it stands.
template <class Loader>
std::vector<std::string> history(Loader& loader) {
  std::vector<std::string> events;
  for (int call = 0; call < 60; ++call) {
    if (call == 17) loader.set_epoch(4);
    try {
      const auto batch = loader.next();
      if (!batch) {
        events.push_back("end");
      } else {
        std::string text = "epoch " + std::to_string(batch->epoch());
        for (const int64_t index : batch->indices()) text += " " + std::to_string(index);
        events.push_back(text);
        if (batch->data().is_cuda()) {
          EXPECT_TRUE(testing::is_whole_on_device(*batch));
        }
      }
    } catch (const SampleError& e) {
      events.push_back("error " + std::to_string(e.index()));
    }
    const LoaderState state = loader.state_dict();
    events.push_back("state " + std::to_string(state.epoch) + " " + std::to_string(state.batches) + " " +
                     std::to_string(state.position));
  }
  return events;
}

TEST_P(Stage, ChangesNeitherOrderNorErrorsNorState) {
  const fake_cuda::Setting late("copy_delay_us", 100);
  for (const OnError on_error : {OnError::kRaise, OnError::kSkip, OnError::kReplace}) {
    const Troubled dataset{Numbers{100, 16}, 42, Troubled::How::kThrow};
    auto there = make_data_loader(dataset, on_device().on_error(on_error));
    auto here = make_data_loader(dataset, options().on_error(on_error));
    const auto events = history(*there);
    if (GetParam().in_order) {
      EXPECT_EQ(events, history(*here));
    }
    EXPECT_GT(there->stats().device_copies, 40u);
  }
}

TEST_P(Stage, GoesOnFromAState) {
  auto first = make_data_loader(Numbers{96, 16}, on_device());
  for (int i = 0; i < 5; ++i) first->next();
  auto second = make_data_loader(Numbers{96, 16}, on_device());
  second->next();
  second->load_state_dict(first->state_dict());
  if (!GetParam().in_order) return;
  while (auto batch = first->next()) EXPECT_EQ(second->next()->indices(), batch->indices());
  EXPECT_FALSE(second->next().has_value());
}

TEST_P(Stage, CopiesAheadWhatIsCompleteAndNoMore) {
  auto loader = make_data_loader(Numbers{800, 16}, on_device());
  while (loader->next()) {
    if (GetParam().mode.workers > 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(loader->stats().device_copies, 100u);
  const bool copies_ahead = GetParam().device_prefetch > 0 && GetParam().mode.workers > 0;
  EXPECT_EQ(loader->stats().copied_ahead > 0, copies_ahead);
}

TEST_F(To, OtherStreamsMayTakeWhatWasCopiedAhead) {
  const fake_cuda::Setting late("copy_delay_us", 500);
  const cuda::OwnedStream first(0);
  const cuda::OwnedStream second(0);
  auto loader =
      make_data_loader(Numbers{160, 16}, DataLoaderOptions(8).num_workers(2).device(kFirstDevice).prefetch(4));
  std::vector<Batch> there;
  for (int i = 0; i < 20; ++i) {
    const fake_torch::CurrentStream current(0, i % 2 ? first.get() : second.get());
    there.push_back(*loader->next());
  }
  for (const Batch& batch : there) EXPECT_TRUE(testing::is_whole_on_device(batch));
  there.clear();
  loader.reset();
  fake_torch::empty({1}, at::kByte);  // Looks at what was freed while other streams used it.
}

TEST_F(To, ADeviceThatIsFullIsAnErrorOfTheBatch) {
  auto loader = make_data_loader(Numbers{64, 1024}, DataLoaderOptions(8).pin_memory(true));
  const auto batch = loader->next();
  fake_torch::empty_cache();
  {
    const fake_cuda::Setting full("memory_bytes", 0);
    EXPECT_ANY_THROW(batch->to(kFirstDevice));
  }
  EXPECT_TRUE(testing::is_whole_on_device(batch->to(kFirstDevice)));
}

// --- without a driver: this binary run again, see tests.cmake ---

class NoDriver : public ::testing::Test {
 protected:
  void SetUp() override {
    if (cuda::Driver::find()) GTEST_SKIP() << "there is a driver";
  }
};

TEST_F(NoDriver, BatchesCannotGoToADevice) {
  auto loader = make_data_loader(Numbers{40}, 8);
  const auto batch = loader->next();
  EXPECT_THROW(batch->to(kFirstDevice), cuda::CudaUnavailable);
  EXPECT_THROW(make_data_loader(Numbers{40}, DataLoaderOptions(8).device(kFirstDevice)), cuda::CudaUnavailable);
}

TEST_F(NoDriver, PinMemoryIsAWarning) {
  ::testing::internal::CaptureStderr();
  auto loader = make_data_loader(Numbers{40}, DataLoaderOptions(8).num_workers(2).pin_memory(true));
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("CUDA is switched off"));
  EXPECT_THAT(loader->stats().pin_error, HasSubstr("CUDA is switched off"));
  int64_t batches = 0;
  while (auto batch = loader->next()) {
    EXPECT_FALSE(batch->is_pinned());
    EXPECT_TRUE(testing::is_whole(*batch));
    ++batches;
  }
  EXPECT_EQ(batches, 5);
}

}  // namespace
}  // namespace millrace
