#include <ATen/ops/from_blob.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>

#include "millrace/tests/loader/device/device_testing.h"

// Promises 6, 7, 13 and 18 of loaders that devices read: what a device was told to copy is what the workers wrote, no
// matter how early the batch is dropped or who dies.
namespace millrace {
namespace {

using testing::kFirstDevice;
using testing::Numbers;
using testing::Watchdog;

using Gate = testing::OnFakeDevice;
using Teardown = testing::OnFakeDevice;

constexpr int64_t kWidth = 64;
constexpr int kDelayMicroseconds = 1000;

/// Batches that were copied with their host batch dropped at once, over some epochs with workers killed on the way:
/// how many of them hold other samples than they should.
int wrong_copies(const DataLoaderOptions& options, int epochs, std::mt19937_64* killer) {
  const Watchdog watchdog(120);
  const fake_cuda::Setting late("copy_delay_us", kDelayMicroseconds);
  auto loader = make_data_loader(Numbers{160, kWidth}, options);
  int wrong = 0;
  for (int epoch = 0; epoch < epochs; ++epoch) {
    std::vector<Batch> there;  // Looked at when the whole epoch was queued: a look waits for the copies.
    while (auto batch = loader->next()) {
      there.push_back(options.device().is_cuda() ? *std::move(batch) : batch->to(kFirstDevice));
      batch.reset();
      const auto pids = loader->worker_pids();
      if (killer && !pids.empty() && (*killer)() % 8 == 0) ::kill(pids[(*killer)() % pids.size()], SIGKILL);
    }
    EXPECT_EQ(there.size(), 20u);
    for (const Batch& batch : there) wrong += !testing::is_whole_on_device(batch);
  }
  EXPECT_EQ(loader->stats().sample_errors, 0u) << loader->stats().last_error;
  return wrong;
}

DataLoaderOptions two_processes() { return DataLoaderOptions(8).num_workers(2).prefetch(3).retries(1000); }

TEST_F(Gate, NoSlotIsFilledWhileACopyReadsIt) {
  std::mt19937_64 killer(testing::test_seed());
  EXPECT_EQ(wrong_copies(two_processes().pin_memory(true), 10, &killer), 0);
}

TEST_F(Gate, NoSlotIsFilledWhileACopyReadsItInThreads) {
  EXPECT_EQ(wrong_copies(two_processes().worker_mode(WorkerMode::kThread).pin_memory(true), 4, nullptr), 0);
}

TEST_F(Gate, NoSlotIsFilledWhileACopyReadsItInline) {
  EXPECT_EQ(wrong_copies(DataLoaderOptions(8).pin_memory(true), 4, nullptr), 0);
}

TEST_F(Gate, NoSlotIsFilledWhileTheLoaderCopiesIt) {
  std::mt19937_64 killer(testing::test_seed());
  EXPECT_EQ(wrong_copies(two_processes().device(kFirstDevice), 5, &killer), 0);
  EXPECT_EQ(wrong_copies(two_processes().device(kFirstDevice).device_prefetch(3), 5, &killer), 0);
}

// Promise 6, of host batches and of those on the device.
TEST_F(Gate, ADeliveredBatchStaysAsItIsWhoeverDies) {
  const Watchdog watchdog(60);
  const fake_cuda::Setting late("copy_delay_us", kDelayMicroseconds);
  auto loader = make_data_loader(Numbers{160, kWidth}, two_processes().held(4).pin_memory(true));
  std::vector<Batch> here;
  std::vector<Batch> there;
  for (int i = 0; i < 3; ++i) here.push_back(*loader->next());
  for (const Batch& batch : here) there.push_back(batch.to(kFirstDevice));
  for (int i = 0; i < 40; ++i) {
    if (i % 5 == 0)
      for (const pid_t pid : loader->worker_pids()) ::kill(pid, SIGKILL);
    if (auto batch = loader->next()) there.push_back(batch->to(kFirstDevice));
    for (const Batch& batch : here) EXPECT_TRUE(testing::is_whole(batch));
  }
  loader.reset();
  for (const Batch& batch : here) EXPECT_TRUE(testing::is_whole(batch));
  here.clear();
  for (const Batch& batch : there) EXPECT_TRUE(testing::is_whole_on_device(batch));
}

// The negative control: the same copies go wrong when nobody waits for them.
TEST_F(Gate, WithoutTheGuardCopiesReadOtherBatches) {
  const auto blind = testing::blind_gates();
  EXPECT_GT(wrong_copies(two_processes().pin_memory(true), 2, nullptr), 0);
  EXPECT_GT(wrong_copies(DataLoaderOptions(8).pin_memory(true), 2, nullptr), 0);
  EXPECT_GT(wrong_copies(two_processes().device(kFirstDevice), 2, nullptr), 0);
}

// A copy of the user's own, as tensor.to(device, non_blocking) is: queued on `stream`, the batch dropped at once.
int wrong_copies_of_users(cuda::api::Stream stream, bool record) {
  const Watchdog watchdog(60);
  const fake_cuda::Setting late("copy_delay_us", kDelayMicroseconds);
  auto loader = make_data_loader(Numbers{160, kWidth}, DataLoaderOptions(8).pin_memory(true));
  const c10::Stream torch_stream(c10::Stream::UNSAFE, kFirstDevice, reinterpret_cast<c10::StreamId>(stream));
  std::vector<std::pair<int64_t, at::Tensor>> there;
  while (auto batch = loader->next()) {
    there.emplace_back(batch->indices()[0], fake_torch::empty(batch->data().sizes(), at::kLong));
    const cuda::CurrentContext context(0);
    MILLRACE_CUDA(memcpy_htod_async, reinterpret_cast<cuda::api::DevicePtr>(there.back().second.mutable_data_ptr()),
                  batch->data().const_data_ptr(), batch->data().nbytes(), stream);
    if (record) batch->record_stream(torch_stream);
  }
  int wrong = 0;
  for (const auto& [first, data] : there) wrong += fake_torch::to_host(data).const_data_ptr<int64_t>()[0] != first;
  return wrong;
}

TEST_F(Gate, KnowsTheStreamsThatAreNamed) {
  const cuda::OwnedStream stream(0);
  EXPECT_EQ(wrong_copies_of_users(stream.get(), /*record=*/true), 0);
  EXPECT_GT(wrong_copies_of_users(stream.get(), /*record=*/false), 0);  // Nobody knew of it.
}

TEST_F(Gate, KnowsTheCurrentStream) {
  EXPECT_EQ(wrong_copies_of_users(nullptr, /*record=*/false), 0);
  const cuda::OwnedStream stream(0);
  const fake_torch::CurrentStream current(0, stream.get());
  EXPECT_EQ(wrong_copies_of_users(stream.get(), /*record=*/false), 0);
}

TEST_F(Gate, NeedsNoEventsWhenThereAreNone) {
  const fake_cuda::Setting none("event_limit", 0);
  EXPECT_EQ(wrong_copies_of_users(nullptr, /*record=*/false), 0);
}

// Whether an address lies in a mapping of that name. There may be several: memory is left where copies do not end.
bool lies_in(const std::string& name, long long address) {
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    if (line.find(name) == std::string::npos) continue;
    long long begin = 0;
    long long end = 0;
    char dash = 0;
    std::istringstream(line) >> std::hex >> begin >> dash >> end;
    if (begin <= address && address < end) return true;
  }
  return false;
}

TEST_F(Gate, CopiesComeStraightFromWhatTheWorkersWrote) {
  auto loader = make_data_loader(Numbers{160, kWidth}, two_processes().pin_memory(true));
  for (auto& batch : *loader) {
    const auto copies = fake_cuda::count("host_to_device_copies");
    const auto bytes = fake_cuda::count("host_to_device_bytes");
    const Batch there = batch.to(kFirstDevice);
    EXPECT_EQ(fake_cuda::count("host_to_device_copies") - copies, 3);
    EXPECT_EQ(fake_cuda::count("host_to_device_bytes") - bytes, 8 * (8 * kWidth + 8 + 8));
    EXPECT_EQ(fake_cuda::count("last_copy_source"), reinterpret_cast<long long>(batch["noise"].const_data_ptr()));
    EXPECT_TRUE(lies_in("millrace batches", fake_cuda::count("last_copy_source")));
  }
}

TEST_F(Gate, TheLoadersOwnCopiesComeStraightFromThereToo) {
  auto loader = make_data_loader(Numbers{160, kWidth}, two_processes().device(kFirstDevice));
  const auto copies = fake_cuda::count("host_to_device_copies");
  int64_t batches = 0;
  while (auto batch = loader->next()) {
    ++batches;
    EXPECT_TRUE(batch->data().is_cuda());
    EXPECT_FALSE(batch->is_pinned());
    EXPECT_TRUE(lies_in("millrace batches", fake_cuda::count("last_copy_source")));
  }
  EXPECT_EQ(batches, 20);
  const auto ahead = 3LL;  // Of the next epoch's first batch, perhaps.
  EXPECT_GE(fake_cuda::count("host_to_device_copies") - copies, 3 * batches);
  EXPECT_LE(fake_cuda::count("host_to_device_copies") - copies, 3 * batches + ahead);
}

// Slots that settle are neither held by the user nor lost.
TEST_F(Gate, WaitsForSlotsThatSettle) {
  const Watchdog watchdog(60);
  auto loader = make_data_loader(Numbers{64, kWidth}, DataLoaderOptions(8).held(1).prefetch(1).pin_memory(true));
  std::vector<Batch> there;
  {
    const fake_cuda::Setting late("copy_delay_us", 2'500'000);  // Longer than a user may hold all slots.
    there.push_back(loader->next()->to(kFirstDevice));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // The delay is read when the copy begins.
  }
  for (int i = 0; i < 7; ++i) there.push_back(loader->next()->to(kFirstDevice));
  for (const Batch& batch : there) EXPECT_TRUE(testing::is_whole_on_device(batch));
}

TEST_F(Gate, SaysSoWhenTheUserHoldsAllSlots) {
  auto loader = make_data_loader(Numbers{64}, DataLoaderOptions(8).held(1).prefetch(1).pin_memory(true).kept_bytes(0));
  std::vector<Batch> held;
  EXPECT_THROW(for (int i = 0; i < 4; ++i) held.push_back(*loader->next()), TooManyBatchesHeld);
}

// A graph that is being captured is left alone, and its slot is not given away before its stream can be asked.
TEST_F(Gate, LeavesGraphCapturesAlone) {
  const Watchdog watchdog(60);
  const cuda::OwnedStream stream(0);
  const fake_torch::CurrentStream current(0, stream.get());
  auto loader = make_data_loader(Numbers{160, kWidth}, DataLoaderOptions(8).pin_memory(true));
  auto on_device = make_data_loader(Numbers{160, kWidth}, DataLoaderOptions(8).device(kFirstDevice));
  auto batch = loader->next();
  const auto ruined = fake_cuda::count("invalidated_captures");
  fake_cuda::capture(stream.get(), true);
  EXPECT_THROW(batch->to(kFirstDevice), std::logic_error);
  EXPECT_THROW(on_device->next(), std::logic_error);
  const void* const slot = batch->data().const_data_ptr();
  batch.reset();
  // Nothing that is dropped during the capture comes back: at the end there is no slot left.
  EXPECT_THROW(for (int i = 0; i < 10; ++i) EXPECT_NE(loader->next()->data().const_data_ptr(), slot), std::logic_error);
  fake_cuda::capture(stream.get(), false);
  EXPECT_EQ(fake_cuda::count("invalidated_captures"), ruined);
  int batches = 0;
  while (loader->next()) ++batches;
  EXPECT_GT(batches, 10);
  EXPECT_EQ(on_device->next()->indices()[0], 0);
}

// Batches, tensors and loaders go in any order, with copies on their way, after errors too. What they leave behind,
// OnFakeDevice sees.
TEST_F(Teardown, OfEverythingInAnyOrder) {
  std::mt19937_64 random(testing::test_seed());
  const fake_cuda::Setting late("copy_delay_us", 300);
  for (int life = 0; life < 150; ++life) {
    const Watchdog watchdog(5);
    auto options = DataLoaderOptions(8).prefetch(static_cast<int64_t>(random() % 4)).seed(random());
    if (random() % 2) options.num_workers(2).worker_mode(random() % 2 ? WorkerMode::kThread : WorkerMode::kProcess);
    if (random() % 2) options.device(kFirstDevice).device_prefetch(static_cast<int64_t>(random() % 3));
    options.pin_memory(random() % 2 != 0).held(8);
    const testing::Troubled dataset{Numbers{160, kWidth}, static_cast<int64_t>(random() % 80),
                                    testing::Troubled::How::kThrow};
    auto loader = make_data_loader(dataset, options);
    std::vector<std::shared_ptr<void>> things;
    const auto keep = [&](auto&& thing) {
      things.push_back(std::make_shared<std::decay_t<decltype(thing)>>(std::forward<decltype(thing)>(thing)));
    };
    for (size_t steps = random() % 8; steps > 0; --steps) {
      try {
        if (random() % 6 == 0) loader->set_epoch(static_cast<int64_t>(random() % 5));
        auto batch = loader->next();
        if (!batch) continue;
        if (random() % 2) keep(at::Tensor(batch->data()));
        if (!batch->data().is_cuda() && random() % 2) keep(batch->to(kFirstDevice, random() % 2));
        if (things.size() < 5) keep(*std::move(batch));
      } catch (const SampleError&) {
      }
    }
    keep(std::move(loader));
    std::shuffle(things.begin(), things.end(), random);
    if (random() % 2) {
      std::thread([&] { things.resize(things.size() / 2); }).join();
    }
    things.clear();
  }
}

// Given up half way: the memory that it was copied to is used again only when nothing is written to it any more.
TEST_F(Teardown, OfACopyThatNobodyTakes) {
  const Watchdog watchdog(30);
  const auto options = DataLoaderOptions(8).num_workers(1).worker_mode(WorkerMode::kThread).prefetch(3);
  auto loader = make_data_loader(Numbers{80, 4096}, DataLoaderOptions(options).device(kFirstDevice));
  const auto copies_before = fake_cuda::count("host_to_device_copies");
  {
    const fake_cuda::Setting late("copy_delay_us", 100'000);
    while (fake_cuda::count("host_to_device_copies") < copies_before + 9) {  // Until one is on its way before its turn.
      loader->next();
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    loader->set_epoch(5);
  }
  const std::vector<int64_t> sevens(8 * 4096, 7);
  std::vector<at::Tensor> ours;
  for (int i = 0; i < 8; ++i) {
    ours.push_back(fake_torch::empty({8 * 4096}, at::kLong));
    const cuda::CurrentContext context(0);
    MILLRACE_CUDA(memcpy_htod_async, reinterpret_cast<cuda::api::DevicePtr>(ours.back().mutable_data_ptr()),
                  sevens.data(), ours.back().nbytes(), nullptr);
  }
  for (const auto& tensor : ours) {
    const at::Tensor host = fake_torch::to_host(tensor);
    const auto* const values = host.const_data_ptr<int64_t>();
    EXPECT_TRUE(std::all_of(values, values + host.numel(), [](int64_t value) { return value == 7; }));
  }
}

}  // namespace
}  // namespace millrace
