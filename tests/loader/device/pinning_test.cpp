#include <ATen/ops/tensor.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <memory>
#include <optional>
#include <thread>

#include "millrace/loader/device/pinning.h"
#include "millrace/sharing/cuda/pinned.h"
#include "millrace/tests/loader/device/device_testing.h"

namespace millrace {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::kFirstDevice;
using testing::Numbers;
using ::testing::StartsWith;
using testing::Watchdog;

using PinnedSpan = testing::OnFakeDevice;
using PinMemory = testing::OnFakeDevice;

// Addresses without memory behind them: the fake looks at none.
class Addresses {
 public:
  explicit Addresses(size_t bytes)
      : bytes_(bytes), begin_(::mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {}
  Addresses(const Addresses&) = delete;
  Addresses& operator=(const Addresses&) = delete;
  ~Addresses() { ::munmap(begin_, bytes_); }
  std::span<std::byte> span() const { return {static_cast<std::byte*>(begin_), bytes_}; }

 private:
  size_t bytes_;
  void* begin_;
};

constexpr size_t kGiB = size_t{1} << 30;

TEST_F(PinnedSpan, RegistersLargeMemoryInPartsAndAllOfItGoes) {
  const Addresses memory(130 * kGiB);
  {
    const cuda::PinnedSpan pinned(memory.span(), 0);
    EXPECT_EQ(pinned.bytes(), 130 * kGiB);
    EXPECT_EQ(fake_cuda::count("registered_bytes"), 130 * kGiB);
  }
  EXPECT_EQ(fake_cuda::count("registered_bytes"), 0);
}

TEST_F(PinnedSpan, LeavesNothingPinnedWhenItFailsHalfWay) {
  const Addresses memory(130 * kGiB);
  const fake_cuda::Setting limit("pin_fails_after_bytes", 100 * kGiB);
  EXPECT_THROW(cuda::PinnedSpan(memory.span(), 0), cuda::CudaError);
  EXPECT_EQ(fake_cuda::count("registered_bytes"), 0);
}

TEST_F(PinnedSpan, RefusesMemoryThatIsPinned) {
  const Addresses memory(kGiB);
  const cuda::PinnedSpan pinned(memory.span(), 0);
  EXPECT_THROW(cuda::PinnedSpan(memory.span(), 0), cuda::CudaError);
  EXPECT_EQ(fake_cuda::count("registered_bytes"), kGiB);
}

TEST_F(PinnedSpan, MovesAndGoesOnce) {
  const Addresses memory(kGiB);
  cuda::PinnedSpan first(memory.span(), 0);
  cuda::PinnedSpan second(std::move(first));
  first = std::move(second);
  EXPECT_EQ(first.bytes(), kGiB);
  EXPECT_EQ(second.bytes(), 0u);
}

class Modes : public testing::OnFakeDevice, public ::testing::WithParamInterface<testing::Mode> {};

INSTANTIATE_TEST_SUITE_P(Pinning, Modes,
                         ::testing::Values(testing::kInline, testing::threads(2),
                                           testing::processes(StartMethod::kForkServer, 2),
                                           testing::processes(StartMethod::kFork, 2)),
                         [](const auto& one) { return one.param.name; });

TEST_P(Modes, MemoryIsPinnedOnceUntilTheLastBatchGoes) {
  auto loader = make_data_loader(Numbers{40}, GetParam().options(8).pin_memory(true));
  const auto pinned = static_cast<long long>(loader->stats().pinned_bytes);
  EXPECT_GT(pinned, 0);
  EXPECT_EQ(loader->stats().pin_error, "");
  int64_t samples = 0;
  for (int epoch = 0; epoch < 3; ++epoch)
    for (auto& batch : *loader) {
      EXPECT_TRUE(batch.is_pinned());
      EXPECT_TRUE(testing::is_whole(batch));
      EXPECT_EQ(fake_cuda::count("registered_bytes"), pinned);
      samples += batch.size();
    }
  EXPECT_EQ(samples, 120);
  auto kept = loader->next();
  loader.reset();
  EXPECT_EQ(fake_cuda::count("registered_bytes"), pinned);
  EXPECT_TRUE(testing::is_whole(*kept));
  kept.reset();
  EXPECT_EQ(fake_cuda::count("registered_bytes"), 0);
}

TEST_P(Modes, AFailureIsOneWarningAndEverythingGoesOn) {
  const fake_cuda::Setting limit("pin_fails_after_bytes", 4096);
  ::testing::internal::CaptureStderr();
  auto loader = make_data_loader(Numbers{40}, GetParam().options(8).pin_memory(true));
  std::vector<Batch> there;
  for (auto& batch : *loader) {
    EXPECT_FALSE(batch.is_pinned());
    there.push_back(batch.to(kFirstDevice));
  }
  const std::string warnings = ::testing::internal::GetCapturedStderr();
  EXPECT_EQ(warnings.find("pin_memory has no effect"), warnings.rfind("pin_memory has no effect"));
  EXPECT_THAT(warnings, StartsWith("millrace: warning: DataLoader: pin_memory has no effect: "));
  EXPECT_THAT(warnings, EndsWith(", from which copies to a device are slower\n"));
  EXPECT_THAT(loader->stats().pin_error, HasSubstr("mem_host_register"));
  EXPECT_EQ(loader->stats().pinned_bytes, 0u);
  EXPECT_EQ(fake_cuda::count("registered_bytes"), 0);
  ASSERT_EQ(there.size(), 5u);
  for (const Batch& batch : there) EXPECT_TRUE(testing::is_whole_on_device(batch));
}

TEST_F(PinMemory, IsNotDoneWithoutBeingAskedFor) {
  auto loader = make_data_loader(Numbers{40}, 8);
  EXPECT_FALSE(loader->next()->is_pinned());
  EXPECT_EQ(fake_cuda::count("registered_bytes"), 0);
}

TEST_F(PinMemory, DoesNotHoldForABatchThatIsKeptBeyondThoseThatMayBeHeld) {
  auto loader = make_data_loader(Numbers{40}, DataLoaderOptions(8).held(1).pin_memory(true));
  std::vector<Batch> batches;
  for (auto& batch : *loader) batches.push_back(std::move(batch));
  ASSERT_EQ(batches.size(), 5U);
  EXPECT_TRUE(batches.front().is_pinned());
  EXPECT_FALSE(batches.back().is_pinned());
  EXPECT_TRUE(testing::is_whole(batches.back()));
}

struct Lines {
  size_t size() const { return 10; }
  Sample get(size_t i) const { return {{"text", std::to_string(i)}, {"number", static_cast<int64_t>(i)}}; }
};

TEST_F(PinMemory, HoldsForNumbersBesideStrings) {
  auto loader = make_data_loader(Lines(), DataLoaderOptions(5).num_workers(2).pin_memory(true));
  const auto batch = loader->next();
  EXPECT_TRUE(batch->is_pinned());
  EXPECT_EQ(batch->strings("text").at(3), "3");
  EXPECT_EQ((*batch)["number"][3].item<int64_t>(), 3);
}

struct Counting {
  size_t size() const { return 10; }
  int64_t get(size_t i) const { return static_cast<int64_t>(i); }
};

struct Parts {
  at::Tensor inputs, targets;
  template <class Archive>
  void serialize(Archive& archive) {
    archive(inputs, targets);
  }
};

// Whether the driver refuses to pin the memory of a tensor, which it does when it is pinned.
bool is_pinned(const at::Tensor& tensor) {
  try {
    const cuda::PinnedSpan span({static_cast<std::byte*>(tensor.mutable_data_ptr()), tensor.nbytes()}, 0);
  } catch (const cuda::CudaError&) {
    return true;
  }
  return false;
}

TEST_F(PinMemory, HoldsForBatchesOfATypeOfOnesOwn) {
  for (const bool pinned : {true, false})
    for (const int64_t workers : {0, 2}) {
      auto loader = make_data_loader(
          Counting(), DataLoaderOptions(5).num_workers(workers).pin_memory(pinned),
          [](const std::vector<int64_t>& numbers) { return Parts{at::tensor(numbers), at::tensor(numbers)}; });
      const auto batch = loader->next();
      EXPECT_EQ(batch->targets[4].item<int64_t>(), 4);
      EXPECT_EQ(is_pinned(batch->inputs), pinned);
      EXPECT_EQ(is_pinned(batch->targets), pinned);
    }
}

TEST_F(PinMemory, IsSkippedWhereTheDeviceReadsPageableMemory) {
  const testing::Replaced grace(
      &cuda::Driver::EntryPoints::device_get_attribute, +[](int* value, int, cuda::api::Device) -> cuda::api::Result {
        *value = 1;
        return cuda::api::kSuccess;
      });
  auto loader = make_data_loader(Numbers{40}, DataLoaderOptions(8).pin_memory(true));
  EXPECT_EQ(fake_cuda::count("registered_bytes"), 0);
  EXPECT_EQ(loader->stats().pin_error, "");
  EXPECT_TRUE(testing::is_whole_on_device(loader->next()->to(kFirstDevice)));
}

// The child may use and drop what it inherited: the registration is the parent's.
TEST_F(PinMemory, SurvivesAForkOfTheUsersOwn) {
  auto loader = make_data_loader(Numbers{400}, DataLoaderOptions(8).num_workers(2).pin_memory(true));
  auto batch = loader->next();
  const at::Tensor data = batch->data();  // The batch itself is refused in the child.
  const auto pinned = fake_cuda::count("registered_bytes");
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(10);
    bool good = true;
    for (int64_t row = 0; row < batch->size(); ++row)
      good &= data.const_data_ptr<int64_t>()[row * data.size(1)] == batch->indices()[static_cast<size_t>(row)];
    batch.reset();
    loader.reset();
    ::_exit(good ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(fake_cuda::count("registered_bytes"), pinned);
  int64_t batches = 1;
  while (auto next = loader->next()) {
    EXPECT_TRUE(testing::is_whole_on_device(next->to(kFirstDevice)));
    ++batches;
  }
  EXPECT_EQ(batches, 50);
}

// Copies that do not end: rather than pull the memory away from under the device, it is kept.
TEST_F(PinMemory, LeavesTheMemoryWhereItIsWhenCopiesDoNotEnd) {
  const Watchdog watchdog(30);
  const cuda::OwnedStream stream(0);
  auto arena = std::make_shared<Arena>(1, size_t{1} << 16, "");
  std::byte* const slot = arena->slot(0);
  auto pinning = pin(*arena, c10::kCPU);
  const auto pinned = static_cast<long long>(pinning.bytes);
  const at::Tensor there = fake_torch::empty({1 << 16}, at::kByte);
  {
    const fake_cuda::Setting slow("copy_delay_us", 7'000'000);
    const cuda::CurrentContext context(0);
    pinning.gate->use(0, 0, stream.get());
    MILLRACE_CUDA(memcpy_htod_async, reinterpret_cast<cuda::api::DevicePtr>(there.mutable_data_ptr()), slot, 1 << 16,
                  stream.get());
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // The delay is read when the copy begins.
  }
  pinning.gate.reset();
  ::testing::internal::CaptureStderr();
  arena.reset();
  EXPECT_THAT(::testing::internal::GetCapturedStderr(), HasSubstr("do not end"));
  EXPECT_EQ(fake_cuda::count("registered_bytes"), pinned);
  slot[0] = std::byte{1};  // Still mapped.
  const cuda::CurrentContext context(0);
  MILLRACE_CUDA(stream_synchronize, stream.get());
  MILLRACE_CUDA(mem_host_unregister, slot);
}

}  // namespace
}  // namespace millrace
