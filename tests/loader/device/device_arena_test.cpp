// Batches of CUDA tensors that workers make, on the fake driver, which has two devices here and lands every copy late.

#include <ATen/ops/empty.h>
#include <ATen/ops/equal.h>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <deque>
#include <functional>
#include <iostream>
#include <numeric>
#include <thread>

#include "millrace/loader/collation/example_codec.h"
#include "millrace/loader/data_loader.h"
#include "millrace/loader/device/empty_in_batch.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"
#include "millrace/tests/loader/datasets_for_tests.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace {
namespace {

using ::testing::HasSubstr;
using testing::Mode;
using testing::processes;

constexpr int64_t kWidth = 40;
constexpr int64_t kBatch = 8;
constexpr uint64_t kTensorBytes = kBatch * kWidth * sizeof(float);  // Of a full batch; a multiple of 512 less some.
constexpr uint64_t kRoom = 2048;

// What sample `index` is, in every place where it is made or checked.
at::Tensor values_of(const std::vector<int64_t>& indices) {
  at::Tensor values = at::empty({std::ssize(indices), kWidth}, at::kFloat);
  auto* at = values.mutable_data_ptr<float>();
  for (const int64_t index : indices)
    for (int64_t i = 0; i < kWidth; ++i) *at++ = static_cast<float>(index * 100 + i);
  return values;
}

at::Tensor labels_of(const std::vector<int64_t>& indices) {
  at::Tensor labels = at::empty({std::ssize(indices)}, at::kLong);
  std::copy(indices.begin(), indices.end(), labels.mutable_data_ptr<int64_t>());
  return labels;
}

// Begun on the current stream, which lands it late.
void put(const at::Tensor& to, const at::Tensor& from) {
  const int device = to.get_device();
  const cuda::CurrentContext context(device);
  MILLRACE_CUDA(memcpy_htod_async, reinterpret_cast<cuda::api::DevicePtr>(to.data_ptr()), from.const_data_ptr(),
                from.nbytes(), cuda::current_stream(device));
}

at::Tensor on_device(const at::Tensor& host, int device = 0) {
  at::Tensor tensor = fake_torch::empty(host.sizes(), host.scalar_type(), device);
  put(tensor, host);
  return tensor;
}

std::vector<int64_t> to_indices(const std::vector<size_t>& indices) { return {indices.begin(), indices.end()}; }

std::vector<int64_t> indices_of(const Example& batch) {
  const auto* labels = batch.target.const_data_ptr<int64_t>();
  return {labels, labels + batch.target.numel()};
}

bool is_right(const Example& batch) {
  return batch.data.device() == at::Device(at::kCUDA, 0) &&
         reinterpret_cast<uintptr_t>(batch.data.data_ptr()) % 512 == 0 &&
         at::equal(fake_torch::to_host(batch.data), values_of(indices_of(batch)));
}

/// Whole batches, their data on a device and their target not.
struct DeviceBatches {
  int64_t samples = 0;
  int device = 0;

  size_t size() const { return static_cast<size_t>(samples); }
  Example get_batch(const std::vector<size_t>& indices) const {
    return {on_device(values_of(to_indices(indices)), device), labels_of(to_indices(indices))};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(samples, device);
  }
};

DataLoaderOptions with_room(DataLoaderOptions options, uint64_t bytes = kRoom) {
  return options.device(at::Device(at::kCUDA, 0)).device_batch_bytes(bytes);
}

// Whatever a test made on the device is gone at its end.
class DeviceArena : public ::testing::Test {
 protected:
  DeviceArena() { fake_torch::install(); }
  ~DeviceArena() override {
    EXPECT_EQ(fake_torch::slices_in_use(), 0U);
    fake_torch::empty_cache();
    EXPECT_EQ(fake_cuda::count("device_bytes"), 0);
    EXPECT_EQ(fake_cuda::count("mapped_handles"), 0);
    EXPECT_EQ(fake_cuda::count("registered_bytes"), 0);
  }

  test::Watchdog watchdog_{"a test of CUDA batches", std::chrono::seconds(120)};
};

template <class Error>
std::string error_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "nothing of that type was thrown";
}

template <class Loader>
void expect_epochs(Loader& loader, int64_t samples, int epochs) {
  for (int epoch = 0; epoch < epochs; ++epoch) {
    std::vector<int64_t> seen;
    for (auto& batch : loader) {
      ASSERT_TRUE(is_right(batch)) << "epoch " << epoch << ", batch " << batch.target;
      const auto indices = indices_of(batch);
      seen.insert(seen.end(), indices.begin(), indices.end());
    }
    std::sort(seen.begin(), seen.end());
    std::vector<int64_t> all(static_cast<size_t>(samples));
    std::iota(all.begin(), all.end(), 0);
    ASSERT_EQ(seen, all) << "epoch " << epoch;
  }
}

// --- what is delivered ---

class DeviceArenaModes : public DeviceArena, public ::testing::WithParamInterface<Mode> {};
INSTANTIATE_TEST_SUITE_P(Workers, DeviceArenaModes,
                         ::testing::Values(testing::kInline, testing::threads(2),
                                           processes(StartMethod::kForkServer, 1),
                                           processes(StartMethod::kForkServer, 2),
                                           processes(StartMethod::kForkServer, 3), processes(StartMethod::kSpawn, 1),
                                           processes(StartMethod::kSpawn, 3)),
                         [](const auto& tested) { return tested.param.name + std::to_string(tested.param.workers); });

TEST_P(DeviceArenaModes, DeliversWhatWorkersMade) {
  auto loader = make_data_loader(DeviceBatches{100}, with_room(GetParam().options(kBatch).shuffle(true)));
  expect_epochs(*loader, 100, 3);
}

/// As DeviceBatches, written where they will be delivered, with a second tensor that is not.
struct InPlaceBatches {
  int64_t samples = 0;

  size_t size() const { return static_cast<size_t>(samples); }
  std::vector<at::Tensor> get_batch(const std::vector<size_t>& indices) const {
    const auto wanted = to_indices(indices);
    const at::Tensor data = empty_in_batch({std::ssize(wanted), kWidth}, at::kFloat);
    put(data, values_of(wanted));
    return {labels_of(wanted), on_device(values_of(wanted)), data, data.narrow(0, 0, 1)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(samples);
  }
};

TEST_P(DeviceArenaModes, WhatIsWrittenInPlaceIsNotCopied) {
  // Room for one tensor in its place and one copy; two copies would not fit.
  const uint64_t room = 2 * ((kTensorBytes + 511) / 512 * 512);
  auto loader = make_data_loader(InPlaceBatches{50}, with_room(GetParam().options(kBatch), room));
  int64_t seen = 0;
  for (auto& batch : *loader) {
    ASSERT_TRUE(is_right({batch[1], batch[0]}));
    ASSERT_TRUE(is_right({batch[2], batch[0]}));
    EXPECT_EQ(batch[3].data_ptr(), batch[2].data_ptr()) << "parts of one memory stay so";
    seen += batch[0].numel();
  }
  EXPECT_EQ(seen, 50);
}

/// The numbers of each part in order, for a collate function to make a batch of.
struct Count {
  int64_t samples = 0;

  size_t size() const { return static_cast<size_t>(samples); }
  std::optional<int64_t> next(StreamContext& context) const {
    const int64_t number = context.position() * context.num_shards() + context.shard();
    return number < samples ? std::optional(number) : std::nullopt;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(samples);
  }
};

Example collate_on_device(const std::vector<int64_t>& numbers) {
  return {on_device(values_of(numbers)), labels_of(numbers)};
}

TEST_F(DeviceArena, StreamsAndCollateFunctionsMakeCudaTensorsToo) {
  auto loader =
      make_data_loader(Count{60}, with_room(processes(StartMethod::kForkServer, 2).options(kBatch)), collate_on_device);
  expect_epochs(*loader, 60, 2);
}

/// A Batch of named columns, one of them on the device.
struct NamedBatches {
  int64_t samples = 0;

  size_t size() const { return static_cast<size_t>(samples); }
  Columns get_batch(const std::vector<size_t>& indices) const {
    const auto wanted = to_indices(indices);
    Columns columns;
    columns.add("data", on_device(values_of(wanted)));
    columns.add("label", labels_of(wanted));
    return columns;
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(samples);
  }
};

TEST_F(DeviceArena, EachTensorIsDeliveredWhereTheWorkerMadeIt) {
  auto loader = make_data_loader(NamedBatches{20}, with_room(processes(StartMethod::kForkServer, 1).options(kBatch)));
  for (auto& batch : *loader) {
    EXPECT_TRUE(batch["label"].is_cpu());
    ASSERT_TRUE(is_right({batch["data"], batch["label"]}));
    const Batch there = batch.to(at::Device(at::kCUDA, 0));
    EXPECT_EQ(there["data"].data_ptr(), batch["data"].data_ptr());
    EXPECT_TRUE(there["label"].is_cuda());
    EXPECT_TRUE(at::equal(fake_torch::to_host(there["label"]), batch["label"]));
  }
}

/// Their host part takes more room than was said.
struct LargeBatches {
  int64_t samples = 0;

  size_t size() const { return static_cast<size_t>(samples); }
  std::vector<at::Tensor> get_batch(const std::vector<size_t>& indices) const {
    const auto wanted = to_indices(indices);
    return {labels_of(wanted), at::empty({1 << 20}, at::kByte), on_device(values_of(wanted))};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(samples);
  }
};

TEST_F(DeviceArena, ABatchThatComesByMessageHasItsCudaTensorsInTheSlot) {
  auto loader = make_data_loader(
      LargeBatches{40}, with_room(processes(StartMethod::kForkServer, 2).options(kBatch).max_sample_bytes(64)));
  std::vector<std::vector<at::Tensor>> held;
  for (auto& batch : *loader) {
    ASSERT_TRUE(is_right({batch[2], batch[0]}));
    held.push_back({batch[0].clone(), batch[2]});
    if (held.size() == 2) held.erase(held.begin());
    ASSERT_TRUE(is_right({held[0][1], held[0][0]}));
  }
  EXPECT_EQ(loader->stats().spilled_batches, 5U);
}

// --- lifetimes ---

TEST_F(DeviceArena, MoreBatchesThanThereAreSlotsForAreAnErrorAndNoCopies) {
  auto loader = make_data_loader(DeviceBatches{80}, with_room(DataLoaderOptions(kBatch).held(1).prefetch(1)));
  std::vector<Example> held;
  EXPECT_THROW(for (int i = 0; i < 4; ++i) held.push_back(*loader->next()), TooManyBatchesHeld);
}

TEST_F(DeviceArena, TensorsOutliveTheirLoader) {
  Example first;
  Example second;
  {
    auto loader =
        make_data_loader(DeviceBatches{80}, with_room(processes(StartMethod::kForkServer, 2).options(kBatch)));
    first = *loader->next();
    second = *loader->next();
  }
  EXPECT_TRUE(is_right(first));
  EXPECT_TRUE(is_right(second));
  const at::Tensor part = second.data.narrow(0, 1, 2);
  const auto indices = indices_of(second);
  first = second = {};
  EXPECT_TRUE(at::equal(fake_torch::to_host(part), values_of({indices[1], indices[2]})));
}

TEST_F(DeviceArena, SlotsAreGrantedAgainBehindTheWorkThatReadsThem) {
  auto loader = make_data_loader(DeviceBatches{200},
                                 with_room(processes(StartMethod::kForkServer, 2).options(kBatch).prefetch(1).held(1)));
  const fake_cuda::Setting slow("copy_delay_us", 3'000);
  std::vector<Example> copies;
  for (auto& batch : *loader) {
    at::Tensor copy = fake_torch::empty(batch.data.sizes(), at::kFloat);
    const cuda::CurrentContext context(0);
    MILLRACE_CUDA(memcpy_dtod_async, reinterpret_cast<cuda::api::DevicePtr>(copy.data_ptr()),
                  reinterpret_cast<cuda::api::DevicePtr>(batch.data.data_ptr()), batch.data.nbytes(),
                  cuda::current_stream(0));
    copies.push_back({copy, batch.target.clone()});
  }
  ASSERT_EQ(copies.size(), 25U);
  for (const auto& copy : copies) EXPECT_TRUE(is_right(copy));
}

TEST_F(DeviceArena, RecordStreamCoversTensorsThatAWorkerMade) {
  auto loader = make_data_loader(NamedBatches{160},
                                 with_room(processes(StartMethod::kForkServer, 1).options(kBatch).prefetch(1).held(1)));
  const cuda::OwnedStream side(0);
  const c10::Stream torch_side(c10::Stream::UNSAFE, at::Device(at::kCUDA, 0),
                               static_cast<c10::StreamId>(reinterpret_cast<intptr_t>(side.get())));
  const fake_cuda::Setting slow("copy_delay_us", 3'000);
  std::vector<Example> copies;
  for (auto& batch : *loader) {
    const at::Tensor& data = batch["data"];
    at::Tensor copy = fake_torch::empty(data.sizes(), at::kFloat);
    const cuda::CurrentContext context(0);
    MILLRACE_CUDA(memcpy_dtod_async, reinterpret_cast<cuda::api::DevicePtr>(copy.data_ptr()),
                  reinterpret_cast<cuda::api::DevicePtr>(data.data_ptr()), data.nbytes(), side.get());
    batch.record_stream(torch_side);
    copies.push_back({copy, batch["label"].clone()});
  }
  for (const auto& copy : copies) EXPECT_TRUE(is_right(copy));
}

// --- death ---

// Promise 17, path A.
TEST_F(DeviceArena, RandomKillsOfWorkersTakeNoDeliveredTensorAway) {
  constexpr int64_t kSamples = 2000;
  constexpr size_t kHeld = 6;
  auto random = test::seeded_generator();
  auto loader = make_data_loader(DeviceBatches{kSamples}, with_room(processes(StartMethod::kForkServer, 3)
                                                                        .options(kBatch)
                                                                        .shuffle(true)
                                                                        .in_order(false)
                                                                        .retries(1000)
                                                                        .prefetch(80)
                                                                        .held(kHeld + 1)));
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  const int wanted = test::kills_wanted(1000);
  int killed = 0;
  int epochs = 0;
  std::deque<Example> held;
  const auto running = [&] { return killed < wanted && std::chrono::steady_clock::now() < end; };
  for (; running(); ++epochs) {
    std::vector<int> seen(kSamples, 0);
    for (auto& batch : *loader) {
      ASSERT_TRUE(is_right(batch)) << "as it came, in epoch " << epochs;
      for (const int64_t index : indices_of(batch)) ++seen[static_cast<size_t>(index)];
      held.push_back(batch);
      if (running()) {
        const auto pids = loader->worker_pids();
        ::usleep(static_cast<useconds_t>(random() % 3'000));  // So that a kill hits anything a worker does.
        ::kill(pids[random() % pids.size()], SIGKILL);
        ++killed;
      }
      ASSERT_TRUE(is_right(held.front())) << "after the kill, in epoch " << epochs;
      if (held.size() == kHeld) held.pop_front();
    }
    for (int64_t i = 0; i < kSamples; ++i)
      ASSERT_EQ(seen[static_cast<size_t>(i)], 1) << "sample " << i << " in epoch " << epochs;
  }
  std::cout << "[ kills    ] " << killed << " sent, " << loader->stats().worker_deaths << " deaths noticed, " << epochs
            << " epochs of " << kSamples << " samples complete" << std::endl;
  EXPECT_GT(loader->stats().worker_deaths, 0U);
  for (const auto& batch : held) EXPECT_TRUE(is_right(batch));
}

/// The first worker that makes the batch of sample 0 dies over it, and something of it goes on writing there for some
/// time, as a kernel does that was in flight. Here that is a child process.
struct LateWriter {
  static constexpr int kTurns = 400;  // Of a millisecond.

  int64_t samples = 0;
  std::string directory;

  size_t size() const { return static_cast<size_t>(samples); }
  Example get_batch(const std::vector<size_t>& indices) const {
    const auto wanted = to_indices(indices);
    const at::Tensor data = empty_in_batch({std::ssize(wanted), kWidth}, at::kFloat);
    if (wanted[0] == 0 && ::mkdir((directory + "/begun").c_str(), 0700) == 0) {
      if (::fork() == 0) {
        for (int turn = 0; turn < kTurns; ++turn) {
          std::fill_n(static_cast<float*>(data.data_ptr()), data.numel(), -1.0F);
          ::usleep(1'000);
        }
        ::mkdir((directory + "/ended").c_str(), 0700);
        ::_exit(0);
      }
      ::raise(SIGKILL);
    }
    put(data, values_of(wanted));
    return {data, labels_of(wanted)};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(samples, directory);
  }
};

TEST_F(DeviceArena, WhatADeadWorkerHadInFlightHitsNoBatch) {
  const test::Directory directory;
  auto loader = make_data_loader(
      LateWriter{80, directory.path()},
      with_room(
          processes(StartMethod::kForkServer, 2).options(kBatch).in_order(false).max_sample_bytes(1024).held(12)));
  std::vector<Example> batches;
  for (auto& batch : *loader) {
    EXPECT_TRUE(is_right(batch)) << batch.target;
    batches.push_back(batch);
  }
  EXPECT_EQ(loader->stats().worker_deaths, 1U);
  EXPECT_EQ(batches.size(), 10U);
  const auto deadline = std::chrono::steady_clock::now() + test::kLong;
  while (::access((directory.path() + "/ended").c_str(), F_OK) != 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  for (const auto& batch : batches) EXPECT_TRUE(is_right(batch)) << batch.target;
}

/// Throws while what it began on the device is under way.
struct FailingBatches {
  size_t size() const { return 16; }
  Example get_batch(const std::vector<size_t>& indices) const {
    const auto wanted = to_indices(indices);
    put(empty_in_batch({std::ssize(wanted), kWidth}, at::kFloat), values_of(wanted));
    throw std::runtime_error("on purpose");
  }
};

TEST_F(DeviceArena, AFailureIsPublishedBehindTheWorkThatItLeft) {
  auto loader = make_data_loader(FailingBatches{}, with_room(testing::kInline.options(kBatch)));
  const fake_cuda::Setting slow("copy_delay_us", 50'000);
  EXPECT_THAT(error_of<SampleError>([&] { loader->next(); }), HasSubstr("on purpose"));
  const cuda::CurrentContext context(0);
  EXPECT_EQ(cuda::Driver::get().entry().stream_query(cuda::current_stream(0)), cuda::api::kSuccess);
}

// --- what is refused ---

TEST_P(DeviceArenaModes, MoreThanTheRoomIsAnErrorThatNamesBothSizes) {
  auto loader = make_data_loader(DeviceBatches{16}, with_room(GetParam().options(kBatch), 1000));
  const std::string text = error_of<SampleError>([&] { loader->next(); });
  EXPECT_THAT(text, HasSubstr("take 1536 bytes"));
  EXPECT_THAT(text, HasSubstr("DataLoaderOptions::device_batch_bytes gives it 1024"));
}

TEST_P(DeviceArenaModes, CudaTensorsWithoutRoomAreAnErrorThatNamesTheOption) {
  auto loader = make_data_loader(DeviceBatches{16}, GetParam().options(kBatch));
  const std::string text = error_of<SampleError>([&] { loader->next(); });
  EXPECT_THAT(text, HasSubstr("CUDA tensors of 1536 bytes"));
  EXPECT_THAT(text, HasSubstr("DataLoaderOptions::device and device_batch_bytes"));
}

TEST_P(DeviceArenaModes, TensorsOfAnotherDeviceAreRefused) {
  auto loader = make_data_loader(DeviceBatches{16, 1}, with_room(GetParam().options(kBatch)));
  EXPECT_THAT(error_of<SampleError>([&] { loader->next(); }),
              HasSubstr("a batch has a tensor on cuda:1, but the loader delivers on cuda:0"));
}

/// Samples of fixed fields; from number `from` on they are on the device.
struct DeviceSamples {
  size_t from = 0;

  size_t size() const { return 16; }
  Example get(size_t index) const {
    const at::Tensor values = values_of({static_cast<int64_t>(index)});
    return {index >= from ? on_device(values) : values, labels_of({static_cast<int64_t>(index)})};
  }
  template <class Archive>
  void serialize(Archive& archive) {
    archive(from);
  }
};

TEST_F(DeviceArena, SamplesOfFixedFieldsAreOfTheHost) {
  EXPECT_THAT(error_of<std::invalid_argument>([] { make_data_loader(DeviceSamples{0}, DataLoaderOptions(kBatch)); }),
              AllOf(HasSubstr("field 'data' of a sample is on cuda:0"), HasSubstr("a collate function")));
  auto loader = make_data_loader(DeviceSamples{1}, DataLoaderOptions(kBatch));
  EXPECT_THAT(error_of<SampleError>([&] { loader->next(); }), HasSubstr("rows of host memory"));
  EXPECT_THAT(error_of<std::invalid_argument>(
                  [] { make_data_loader(DeviceSamples{16}, with_room(DataLoaderOptions(kBatch))); }),
              HasSubstr("this one's samples are rows of host memory"));
}

std::string refusal(const DataLoaderOptions& options) {
  return error_of<std::invalid_argument>([&] { make_data_loader(DeviceBatches{16}, options); });
}

TEST_F(DeviceArena, ForkedWorkersAreRefused) {
  EXPECT_THAT(refusal(with_room(processes(StartMethod::kFork, 2).options(kBatch))),
              HasSubstr("start_method(StartMethod::kForkServer)"));
}

TEST_F(DeviceArena, RoomOnTheHostIsRefused) {
  EXPECT_THAT(refusal(DataLoaderOptions(kBatch).device_batch_bytes(kRoom)), HasSubstr("device is cpu"));
}

TEST_F(DeviceArena, WorkerProcessesUnderMpsAreRefused) {
  ::setenv("CUDA_MPS_PIPE_DIRECTORY", "/run/mps", 1);
  const std::string text = refusal(with_room(processes(StartMethod::kSpawn, 2).options(kBatch)));
  auto threads = make_data_loader(DeviceBatches{16}, with_room(testing::threads(2).options(kBatch)));
  ::unsetenv("CUDA_MPS_PIPE_DIRECTORY");
  EXPECT_THAT(text, AllOf(HasSubstr("under MPS"), HasSubstr("/run/mps"), HasSubstr("WorkerMode::kThread")));
  expect_epochs(*threads, 16, 1);
}

TEST_F(DeviceArena, MoreThanTheDeviceHasIsRefusedWithTheOptionsToLower) {
  const fake_cuda::Setting small("memory_bytes", 16 << 20);
  EXPECT_THAT(error_of<cuda::CudaError>([] {
                make_data_loader(DeviceBatches{16}, with_room(DataLoaderOptions(kBatch).prefetch(30), 1 << 20));
              }),
              HasSubstr("lower DataLoaderOptions::device_batch_bytes, prefetch or held"));
}

TEST_F(DeviceArena, ATensorOutsideOfTheSlotsMemoryIsRefused) {
  PackedBatch batch;
  batch.tensors.push_back(on_device(values_of({1, 2})));
  const std::vector<uint64_t> offsets = {512};
  const PackedLayout layout(batch, offsets);
  std::vector<std::byte> memory(layout.bytes());
  layout.write(memory);
  DeviceMemory device{0, reinterpret_cast<cuda::api::DevicePtr>(batch.tensors[0].data_ptr()), 1024};
  EXPECT_EQ(read_packed(memory, nullptr, device).tensors[0].sizes(), batch.tensors[0].sizes());
  device.bytes = 512 + 2 * kWidth * sizeof(float) - 1;
  EXPECT_THROW(read_packed(memory, nullptr, device), DecodeError);
  EXPECT_THROW(read_packed(memory, nullptr), DecodeError);
}

TEST_F(DeviceArena, MemoryInTheBatchIsForWorkersOnly) {
  EXPECT_THROW(empty_in_batch({1}, at::kFloat), std::logic_error);
}

}  // namespace
}  // namespace millrace
