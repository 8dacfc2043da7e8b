// Device memory that travels by descriptor, and the arena made of it. All on the fake driver, where this process reads
// and writes device memory at its address.

#include "millrace/sharing/cuda/vmm.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <functional>
#include <vector>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/device_arena.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/process/child.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::cuda {
namespace {

using ::testing::HasSubstr;

constexpr size_t kGranularity = 2 << 20;  // The fake's.
constexpr const char* kKnob = "use less";

unsigned char* bytes_at(api::DevicePtr address) { return reinterpret_cast<unsigned char*>(address); }

// Whatever a test made is gone at its end, on the driver's side as well.
class DeviceMemory : public ::testing::Test {
 protected:
  ~DeviceMemory() override {
    EXPECT_EQ(fake_cuda::count("mapped_handles"), 0);
    EXPECT_EQ(fake_cuda::count("device_bytes"), 0);
  }
};

std::string error_of(const std::function<void()>& call, api::Result code) {
  try {
    call();
  } catch (const CudaError& e) {
    EXPECT_EQ(e.code(), code) << e.what();
    return e.what();
  }
  return "nothing was thrown";
}

TEST_F(DeviceMemory, IsRoundedToWhatTheDeviceAllocatesAtOnce) {
  EXPECT_EQ(DeviceSegment::create(0, 1, kKnob).bytes(), kGranularity);
  EXPECT_EQ(DeviceSegment::create(0, kGranularity, kKnob).bytes(), kGranularity);
  EXPECT_EQ(DeviceSegment::create(0, kGranularity + 1, kKnob).bytes(), 2 * kGranularity);
}

TEST_F(DeviceMemory, IsTheSameThroughEveryDescriptorAndOutlivesItsHandles) {
  MappedDeviceSegment first;
  MappedDeviceSegment second;
  {
    const auto segment = DeviceSegment::create(0, kGranularity, kKnob);
    const auto adopted = DeviceSegment::adopt(0, segment.bytes(), segment.export_fd());
    first = MappedDeviceSegment(segment);
    second = MappedDeviceSegment(adopted);
  }
  EXPECT_NE(first.address(), second.address());
  EXPECT_EQ(second.bytes(), kGranularity);
  bytes_at(first.address())[4711] = 42;
  EXPECT_EQ(bytes_at(second.address())[4711], 42);
  first = {};
  EXPECT_EQ(bytes_at(second.address())[4711], 42);
}

TEST_F(DeviceMemory, SegmentsMapOneBehindTheOther) {
  std::vector<DeviceSegment> segments;
  for (const size_t units : {1, 3, 2}) segments.push_back(DeviceSegment::create(0, units * kGranularity, kKnob));
  const MappedDeviceSegment all(segments);
  EXPECT_EQ(all.bytes(), 6 * kGranularity);
  bytes_at(all.address())[4 * kGranularity] = 42;
  const MappedDeviceSegment last(segments.back());
  EXPECT_EQ(bytes_at(last.address())[0], 42);

  const auto found = DeviceSegment::at(0, all.address() + kGranularity, segments[1].bytes());
  const MappedDeviceSegment middle(found);
  bytes_at(all.address())[kGranularity] = 43;
  EXPECT_EQ(bytes_at(middle.address())[0], 43);
}

TEST_F(DeviceMemory, AMappingThatFailsHalfwayLeavesNothing) {
  std::vector<DeviceSegment> segments;
  segments.push_back(DeviceSegment::create(0, kGranularity, kKnob));
  segments.emplace_back();  // Nothing: cannot be mapped.
  EXPECT_THROW(MappedDeviceSegment{segments}, CudaError);
  EXPECT_EQ(fake_cuda::count("mapped_handles"), 0);
}

TEST_F(DeviceMemory, IsUnmappedBehindTheWorkThatUsesIt) {
  const CurrentContext context(0);
  const OwnedStream stream(0);
  const auto segment = DeviceSegment::create(0, kGranularity, kKnob);
  const MappedDeviceSegment kept(segment);
  {
    const fake_cuda::Setting slow("copy_delay_us", 50'000);
    const MappedDeviceSegment dropped(segment);
    bytes_at(dropped.address())[0] = 42;
    MILLRACE_CUDA(memcpy_dtod_async, kept.address() + 64, dropped.address(), 64, stream.get());
  }
  EXPECT_EQ(bytes_at(kept.address())[64], 42);
}

TEST_F(DeviceMemory, ThatIsNotThereIsRefusedWithNumbersAndAKnob) {
  const fake_cuda::Setting small("memory_bytes", 4 * kGranularity);
  const auto some = DeviceSegment::create(0, kGranularity, kKnob);
  const std::string text = error_of([] { DeviceSegment::create(0, 5 * kGranularity - 1, kKnob); }, api::kOutOfMemory);
  EXPECT_THAT(text, HasSubstr("10 MiB of shared memory were asked of CUDA device 0, of whose 8 MiB 6 MiB are free"));
  EXPECT_THAT(text, HasSubstr(kKnob));
}

TEST_F(DeviceMemory, OfADeviceThatCannotShareItIsRefused) {
  const fake_cuda::Setting without("vmm", 0);
  const std::string text = error_of([] { DeviceSegment::create(0, 1, kKnob); }, api::kNotSupported);
  EXPECT_THAT(text, HasSubstr("CUDA device 0 cannot share memory by descriptor"));
  EXPECT_THAT(text, HasSubstr("let workers make CPU tensors"));
}

TEST_F(DeviceMemory, IsNotMadeOfAnyDescriptor) {
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const OwnedFd reader(ends[0]);
  const OwnedFd writer(ends[1]);
  EXPECT_THROW(DeviceSegment::adopt(0, kGranularity, reader), CudaError);
}

TEST_F(DeviceMemory, ArenasSlotsAreAligned) {
  DeviceArena arena(0, 3, 1000, kKnob);
  EXPECT_EQ(arena.slot_bytes(), 1024U);
  EXPECT_EQ(arena.device(), 0);
  EXPECT_EQ(arena.slot(2), arena.slot(0) + 2048);
  EXPECT_EQ(arena.slot(1) % DeviceArena::kAlignment, 0U);
}

// --- other processes ---

// Writes a number into each slot of an arena and is killed, in a process that got the arena's descriptor.
int writer_main(std::span<const std::byte> arguments, std::vector<OwnedFd> fds) {
  DecodeArchive archive(arguments, {});
  DeviceArena::Shape shape;
  archive(shape);
  DeviceArena arena(shape, std::move(fds[0]));
  if (Driver::is_initialized()) return 1;  // Not before a slot is asked for.
  for (size_t slot = 0; slot < shape.slots; ++slot)
    bytes_at(arena.slot(slot))[slot] = static_cast<unsigned char>(100 + slot);
  ::raise(SIGKILL);
  return 0;
}

// Makes an arena, writes into it, gives it to the other side and is killed.
int owner_main(std::span<const std::byte>, std::vector<OwnedFd> fds) {
  DeviceArena arena(0, 2, 4096, kKnob);
  bytes_at(arena.slot(1))[7] = 42;
  const FdSocket out(std::move(fds[0]));
  out.send(encode(arena.shape()).bytes, std::vector<int>{arena.fd()});
  ::raise(SIGKILL);
  return 0;
}

class DeviceMemoryAcross : public DeviceMemory, public ::testing::WithParamInterface<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(StartMethods, DeviceMemoryAcross,
                         ::testing::Values(StartMethod::kForkServer, StartMethod::kSpawn),
                         [](const auto& tested) { return std::string(to_string(tested.param)); });

TEST_P(DeviceMemoryAcross, ArenaKeepsWhatADeadWriterWrote) {
  DeviceArena arena(0, 3, 4096, kKnob);
  Child writer = start_child(GetParam(), {&writer_main, encode(arena.shape()).bytes, {arena.fd()}, "writer"});
  const auto status = writer.wait(test::kLong);
  ASSERT_TRUE(status.has_value());
  EXPECT_EQ(status->signal(), SIGKILL) << status->str();
  for (size_t slot = 0; slot < 3; ++slot) EXPECT_EQ(bytes_at(arena.slot(slot))[slot], 100 + slot);
}

TEST_P(DeviceMemoryAcross, ArenaOutlivesItsOwner) {
  auto [ours, theirs] = FdSocket::pair();
  Child owner = start_child(GetParam(), {&owner_main, {}, {theirs.fd()}, "owner"});
  theirs.close();
  auto message = ours.receive();
  ASSERT_TRUE(message.has_value());
  EXPECT_EQ(owner.wait(test::kLong)->signal(), SIGKILL);
  DeviceArena::Shape shape;
  DecodeArchive archive(message->bytes, {});
  archive(shape);
  DeviceArena arena(shape, std::move(message->fds.at(0)));
  EXPECT_EQ(bytes_at(arena.slot(1))[7], 42);
}

}  // namespace
}  // namespace millrace::cuda
