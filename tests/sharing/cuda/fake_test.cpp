// What other tests rely on in the fake driver.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstring>
#include <thread>
#include <vector>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/process/context.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::cuda::fake_test {
namespace {

namespace mp = millrace::multiprocessing;
using fake_cuda::kPoison;
using fake_cuda::Setting;
using test::receive_text;
using test::send_text;

constexpr size_t kBytes = 4096;
constexpr size_t kPhysicalBytes = 2 << 20;

const Driver::EntryPoints& driver() { return Driver::get().entry(); }

api::DevicePtr allocate(size_t bytes) {
  api::DevicePtr address = 0;
  MILLRACE_CUDA(mem_alloc, &address, bytes);
  return address;
}

volatile unsigned char& byte_at(api::DevicePtr address) { return *reinterpret_cast<unsigned char*>(address); }

void fill(api::DevicePtr address, size_t bytes, unsigned char value) {
  std::memset(reinterpret_cast<void*>(address), value, bytes);
}

template <class Condition>
bool eventually(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + test::kLong;
  while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  return condition();
}

TEST(FakeMemory, IsLimitedCountedAndKnown) {
  const CurrentContext context(0);
  const auto before = fake_cuda::count("device_bytes");
  const api::DevicePtr address = allocate(kBytes);
  EXPECT_EQ(address % 512, 0U);
  EXPECT_EQ(fake_cuda::count("device_bytes") - before, static_cast<long long>(kBytes));
  api::DevicePtr base = 0;
  size_t bytes = 0;
  MILLRACE_CUDA(mem_get_address_range, &base, &bytes, address + 100);
  EXPECT_EQ(base, address);
  EXPECT_EQ(bytes, kBytes);
  unsigned long long id = 0;
  MILLRACE_CUDA(pointer_get_attribute, &id, api::kPointerBufferId, address + 100);
  MILLRACE_CUDA(mem_free, address);
  unsigned long long next_id = 0;
  const api::DevicePtr next = allocate(kBytes);
  MILLRACE_CUDA(pointer_get_attribute, &next_id, api::kPointerBufferId, next);
  EXPECT_NE(id, next_id);
  const Setting little("memory_bytes", fake_cuda::count("device_bytes") + 100);
  EXPECT_EQ(driver().mem_alloc(&base, 101), api::kOutOfMemory);
  MILLRACE_CUDA(mem_free, next);
  EXPECT_EQ(driver().mem_free(next), api::kInvalidValue);
  EXPECT_EQ(fake_cuda::count("device_bytes"), before);
}

TEST(FakeMemory, IsNotCopiedBeyondItsEnd) {
  const CurrentContext context(0);
  const api::DevicePtr address = allocate(kBytes);
  std::vector<unsigned char> host(kBytes + 1, 7);
  MILLRACE_CUDA(memcpy_htod, address, host.data(), kBytes);
  std::vector<unsigned char> back(kBytes);
  MILLRACE_CUDA(memcpy_dtoh, back.data(), address, kBytes);
  EXPECT_EQ(back[kBytes - 1], 7);
  EXPECT_EQ(driver().memcpy_htod(address, host.data(), kBytes + 1), api::kInvalidValue);
  EXPECT_EQ(driver().memcpy_dtoh(host.data(), address + 1, kBytes), api::kInvalidValue);
  MILLRACE_CUDA(mem_free, address);
}

TEST(FakePinning, RefusesWhatTheDriverRefuses) {
  const CurrentContext context(0);
  std::vector<unsigned char> host(kBytes);
  MILLRACE_CUDA(mem_host_register, host.data(), kBytes, api::kMemHostRegisterPortable);
  EXPECT_EQ(fake_cuda::count("registered_bytes"), static_cast<long long>(kBytes));
  EXPECT_EQ(driver().mem_host_register(host.data() + 100, 10, 0), api::kHostMemoryAlreadyRegistered);
  MILLRACE_CUDA(mem_host_unregister, host.data());
  EXPECT_EQ(driver().mem_host_unregister(host.data()), api::kHostMemoryNotRegistered);
  const Setting limit("pin_fails_after_bytes", kBytes - 1);
  EXPECT_EQ(driver().mem_host_register(host.data(), kBytes, 0), api::kOutOfMemory);
  MILLRACE_CUDA(mem_host_register, host.data(), kBytes - 1, 0);
  MILLRACE_CUDA(mem_host_unregister, host.data());
  EXPECT_EQ(fake_cuda::count("registered_bytes"), 0);
}

TEST(FakeStreams, ReadRegisteredMemoryLateAndOtherMemoryAtOnce) {
  const CurrentContext context(0);
  const OwnedStream stream(0);
  const api::DevicePtr device = allocate(kBytes);
  std::vector<unsigned char> host(kBytes, 1);
  MILLRACE_CUDA(mem_host_register, host.data(), host.size(), api::kMemHostRegisterPortable);
  const Setting slow("copy_delay_us", 100'000);
  MILLRACE_CUDA(memcpy_htod_async, device, host.data(), host.size(), stream.get());
  EXPECT_EQ(fake_cuda::count("last_copy_source"), reinterpret_cast<long long>(host.data()));
  std::fill(host.begin(), host.end(), 2);
  MILLRACE_CUDA(stream_synchronize, stream.get());
  EXPECT_EQ(byte_at(device), 2);
  MILLRACE_CUDA(mem_host_unregister, host.data());
  MILLRACE_CUDA(memcpy_htod_async, device, host.data(), host.size(), stream.get());
  std::fill(host.begin(), host.end(), 3);
  MILLRACE_CUDA(stream_synchronize, stream.get());
  EXPECT_EQ(byte_at(device), 2);
  MILLRACE_CUDA(mem_free, device);
}

// Holds exported memory until told what to do: "free", or anything else to end.
void export_memory(OwnedFd fd) {
  const FdSocket socket(std::move(fd));
  const CurrentContext context(0);
  const api::DevicePtr address = allocate(kBytes);
  fill(address, kBytes, 5);
  api::IpcMemHandle handle{};
  MILLRACE_CUDA(ipc_get_mem_handle, &handle, address);
  api::DevicePtr own = 0;
  if (driver().ipc_open_mem_handle(&own, handle, api::kIpcMemLazyEnablePeerAccess) != api::kInvalidContext) ::abort();
  send_text(socket, std::string(reinterpret_cast<const char*>(handle.reserved.data()), sizeof handle));
  if (receive_text(socket) != "free") return;
  MILLRACE_CUDA(mem_free, address);
  send_text(socket, "freed");
  receive_text(socket);
}

class Exporter {
 public:
  Exporter() {
    process_.start();
    const std::string text = receive_text(sockets_.first);
    std::memcpy(&handle_, text.data(), sizeof handle_);
  }
  ~Exporter() { kill(); }

  api::Result open(api::DevicePtr* address) const {
    return driver().ipc_open_mem_handle(address, handle_, api::kIpcMemLazyEnablePeerAccess);
  }
  void free_memory() const {
    send_text(sockets_.first, "free");
    receive_text(sockets_.first);
  }
  void kill() {
    process_.kill();
    EXPECT_TRUE(process_.join(test::kLong));
  }

 private:
  std::pair<FdSocket, FdSocket> sockets_ = FdSocket::pair();
  mp::Process process_{StartMethod::kForkServer, export_memory, sockets_.second.take()};
  api::IpcMemHandle handle_{};
};

TEST(FakeIpc, SharesTheBytes) {
  const CurrentContext context(0);
  const Exporter exporter;
  api::DevicePtr first = 0;
  api::DevicePtr second = 0;
  ASSERT_EQ(exporter.open(&first), api::kSuccess);
  EXPECT_EQ(byte_at(first + kBytes - 1), 5);
  EXPECT_EQ(exporter.open(&second), api::kSuccess);
  EXPECT_EQ(first, second);
  EXPECT_EQ(fake_cuda::count("open_imports"), 1);
  {
    const Setting once("double_open_fails", 1);
    EXPECT_EQ(exporter.open(&second), api::kAlreadyMapped);
  }
  api::IpcMemHandle handle{};
  EXPECT_EQ(driver().ipc_get_mem_handle(&handle, first), api::kInvalidValue) << "not ours to export";
  MILLRACE_CUDA(ipc_close_mem_handle, first);
  EXPECT_EQ(byte_at(first), 5);
  MILLRACE_CUDA(ipc_close_mem_handle, first);
  EXPECT_EQ(fake_cuda::count("open_imports"), 0);
  EXPECT_EQ(driver().ipc_close_mem_handle(first), api::kInvalidValue);
}

TEST(FakeIpc, FreedMemoryIsPoisonedAndCannotBeOpened) {
  const CurrentContext context(0);
  const Exporter exporter;
  api::DevicePtr address = 0;
  ASSERT_EQ(exporter.open(&address), api::kSuccess);
  exporter.free_memory();
  EXPECT_EQ(byte_at(address), kPoison);
  MILLRACE_CUDA(ipc_close_mem_handle, address);
  EXPECT_EQ(exporter.open(&address), api::kInvalidHandle);
}

TEST(FakeIpc, AnExportersDeathDoesWhatWasAskedFor) {
  const CurrentContext context(0);
  for (const int death : {0, 1, 2}) {
    const Setting setting("exporter_death", death);
    Exporter exporter;
    api::DevicePtr address = 0;
    ASSERT_EQ(exporter.open(&address), api::kSuccess);
    exporter.kill();
    if (death == 1)
      EXPECT_TRUE(eventually([&] { return byte_at(address) == kPoison; }));
    else
      EXPECT_EQ(byte_at(address), 5);
    MILLRACE_CUDA(ipc_close_mem_handle, address);
    EXPECT_EQ(exporter.open(&address), death == 2 ? api::kInvalidHandle : api::kSuccess);
    if (death == 2) continue;
    EXPECT_EQ(byte_at(address), death == 1 ? kPoison : 5);
    MILLRACE_CUDA(ipc_close_mem_handle, address);
  }
}

api::MemAllocationProp exportable() {
  api::MemAllocationProp properties{};
  properties.type = api::kMemAllocationTypePinned;
  properties.requested_handle_types = api::kMemHandleTypePosixFd;
  properties.location = {api::kMemLocationTypeDevice, 0};
  return properties;
}

api::DevicePtr map(api::AllocationHandle handle) {
  api::DevicePtr address = 0;
  MILLRACE_CUDA(mem_address_reserve, &address, kPhysicalBytes, 0, 0, 0);
  MILLRACE_CUDA(mem_map, address, kPhysicalBytes, 0, handle, 0);
  const api::MemAccessDesc access{{api::kMemLocationTypeDevice, 0}, api::kMemAccessReadWrite};
  MILLRACE_CUDA(mem_set_access, address, kPhysicalBytes, &access, 1);
  return address;
}

void unmap(api::DevicePtr address) {
  MILLRACE_CUDA(mem_unmap, address, kPhysicalBytes);
  MILLRACE_CUDA(mem_address_free, address, kPhysicalBytes);
}

void export_descriptor(OwnedFd fd) {
  const api::MemAllocationProp properties = exportable();
  api::AllocationHandle handle = 0;
  MILLRACE_CUDA(mem_create, &handle, kPhysicalBytes, &properties, 0);
  fill(map(handle), kPhysicalBytes, 6);
  int descriptor = -1;
  MILLRACE_CUDA(mem_export_to_shareable_handle, &descriptor, handle, api::kMemHandleTypePosixFd, 0);
  const OwnedFd owned(descriptor);
  send_text(FdSocket(std::move(fd)), "descriptor", {owned.get()});
}

TEST(FakeVmm, BytesOutliveTheExporter) {
  const Setting poisoned("exporter_death", 1);
  auto [ours, theirs] = FdSocket::pair();
  auto process = mp::Context(StartMethod::kForkServer).Process(export_descriptor, theirs.take());
  process.start();
  const Message message = ours.receive().value();
  ASSERT_TRUE(process.join(test::kLong));
  api::AllocationHandle handle = 0;
  auto* const shareable = reinterpret_cast<void*>(static_cast<intptr_t>(message.fds.at(0).get()));
  MILLRACE_CUDA(mem_import_from_shareable_handle, &handle, shareable, api::kMemHandleTypePosixFd);
  const api::DevicePtr address = map(handle);
  MILLRACE_CUDA(mem_release, handle);
  EXPECT_EQ(byte_at(address + kPhysicalBytes - 1), 6);
  EXPECT_EQ(fake_cuda::count("mapped_handles"), 1);
  unmap(address);
  EXPECT_EQ(fake_cuda::count("mapped_handles"), 0);
}

TEST(FakeVmm, IsOnlyForWholeGranules) {
  const api::MemAllocationProp properties = exportable();
  size_t granularity = 0;
  MILLRACE_CUDA(mem_get_allocation_granularity, &granularity, &properties, api::kMemGranularityMinimum);
  EXPECT_EQ(granularity, kPhysicalBytes);
  api::AllocationHandle handle = 0;
  EXPECT_EQ(driver().mem_create(&handle, kBytes, &properties, 0), api::kInvalidValue);
  const auto before = fake_cuda::count("device_bytes");
  MILLRACE_CUDA(mem_create, &handle, kPhysicalBytes, &properties, 0);
  const api::DevicePtr address = map(handle);
  EXPECT_EQ(driver().mem_map(address, kPhysicalBytes, 0, handle, 0), api::kInvalidValue) << "mapped already";
  EXPECT_EQ(driver().mem_address_free(address, kPhysicalBytes), api::kInvalidValue) << "still mapped";
  MILLRACE_CUDA(mem_release, handle);
  EXPECT_EQ(driver().mem_release(handle), api::kInvalidValue);
  api::AllocationHandle again = 0;
  MILLRACE_CUDA(mem_retain_allocation_handle, &again, reinterpret_cast<void*>(address + 100));
  api::MemAllocationProp found{};
  MILLRACE_CUDA(mem_get_allocation_properties, &found, again);
  EXPECT_EQ(found.requested_handle_types, api::kMemHandleTypePosixFd);
  MILLRACE_CUDA(mem_release, again);
  EXPECT_GT(fake_cuda::count("device_bytes"), before);
  unmap(address);
  EXPECT_EQ(fake_cuda::count("device_bytes"), before);
  const Setting none("vmm", 0);
  EXPECT_EQ(driver().mem_create(&handle, kPhysicalBytes, &properties, 0), api::kNotSupported);
}

TEST(FakeKernels, TakeTheirArgumentsAtTheLaunch) {
  const CurrentContext context(0);
  fake_cuda::register_kernel("set",
                             [](const unsigned grid[3], const unsigned block[3], void** parameters) {
                               **static_cast<unsigned**>(parameters[0]) =
                                   grid[0] * block[1] + *static_cast<unsigned*>(parameters[1]);
                             },
                             {sizeof(api::DevicePtr), sizeof(unsigned)});
  api::Module module = nullptr;
  api::Function kernel = nullptr;
  MILLRACE_CUDA(module_load_data, &module, "image");
  EXPECT_EQ(driver().module_get_function(&kernel, module, "missing"), api::kNotFound);
  MILLRACE_CUDA(module_get_function, &kernel, module, "set");
  api::DevicePtr address = allocate(sizeof(unsigned));
  const api::DevicePtr result = address;
  unsigned number = 1;
  void* parameters[] = {&address, &number};
  MILLRACE_CUDA(launch_kernel, kernel, 10, 1, 1, 1, 4, 1, 0, nullptr, parameters, nullptr);
  address = 0;
  number = 2;
  MILLRACE_CUDA(ctx_synchronize);
  EXPECT_EQ(*reinterpret_cast<unsigned*>(result), 41U);
  MILLRACE_CUDA(module_unload, module);
  MILLRACE_CUDA(mem_free, result);
}

TEST(FakeTorch, HasTensorsAndViews) {
  fake_torch::install();
  const at::Tensor tensor = fake_torch::empty({4, 6}, at::kFloat);
  fake_torch::fill(tensor, 2.5);
  EXPECT_TRUE(tensor.is_cuda());
  const at::Tensor column = tensor.narrow(1, 2, 3).select(0, 1);
  EXPECT_EQ(fake_torch::to_host(column).sizes(), at::IntArrayRef({3}));
  EXPECT_EQ(fake_torch::to_host(column).sum().item<float>(), 7.5);
}

TEST(FakeTorch, GivesASliceOutAgainAfterTheStreamsThatUseIt) {
  const CurrentContext context(0);
  fake_torch::install();
  const OwnedStream stream(0);
  const auto before = fake_torch::slices_in_use();
  at::Tensor tensor = fake_torch::empty({10}, at::kByte);
  EXPECT_EQ(fake_torch::slices_in_use(), before + 1);
  const void* const place = tensor.data_ptr();
  tensor.reset();
  tensor = fake_torch::empty({10}, at::kByte);
  EXPECT_EQ(tensor.data_ptr(), place);

  const at::Device device(at::kCUDA, 0);
  const Setting slow("copy_delay_us", 100'000);
  const api::DevicePtr address = allocate(10);
  MILLRACE_CUDA(memcpy_dtod_async, address, reinterpret_cast<api::DevicePtr>(place), 10, stream.get());
  tensor.record_stream(at::Stream(at::Stream::UNSAFE, device, reinterpret_cast<int64_t>(stream.get())));
  tensor.reset();
  EXPECT_NE(fake_torch::empty({10}, at::kByte).data_ptr(), place);
  MILLRACE_CUDA(stream_synchronize, stream.get());
  EXPECT_EQ(fake_torch::empty({10}, at::kByte).data_ptr(), place);
  MILLRACE_CUDA(mem_free, address);
  EXPECT_EQ(fake_torch::slices_in_use(), before);
}

}  // namespace
}  // namespace millrace::cuda::fake_test
