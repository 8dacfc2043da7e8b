// What other tests rely on in the fake driver.

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <thread>
#include <vector>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/fence.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"

namespace millrace::cuda {
namespace {

using fake_cuda::Setting;

api::DevicePtr allocate(size_t bytes) {
  api::DevicePtr address = 0;
  MILLRACE_CUDA(mem_alloc, &address, bytes);
  return address;
}

unsigned char* bytes_at(api::DevicePtr address) { return reinterpret_cast<unsigned char*>(address); }

TEST(FakeDriver, CopiesOfRegisteredMemoryReadLate) {
  const CurrentContext context(0);
  const OwnedStream stream(0);
  const api::DevicePtr device = allocate(64);
  std::vector<unsigned char> host(64, 1);
  MILLRACE_CUDA(mem_host_register, host.data(), host.size(), api::kMemHostRegisterPortable);
  const Setting slow("copy_delay_us", 100'000);
  MILLRACE_CUDA(memcpy_htod_async, device, host.data(), host.size(), stream.get());
  std::fill(host.begin(), host.end(), 2);
  MILLRACE_CUDA(stream_synchronize, stream.get());
  EXPECT_EQ(bytes_at(device)[63], 2);
  MILLRACE_CUDA(mem_host_unregister, host.data());

  MILLRACE_CUDA(memcpy_htod_async, device, host.data(), host.size(), stream.get());
  std::fill(host.begin(), host.end(), 3);
  MILLRACE_CUDA(stream_synchronize, stream.get());
  EXPECT_EQ(bytes_at(device)[63], 2) << "memory that is not registered is read before the call returns";
  MILLRACE_CUDA(mem_free, device);
}

TEST(FakeTorch, TensorsLiveOnTheDriver) {
  fake_torch::install();
  const at::Tensor tensor = fake_torch::empty({4, 6}, at::kFloat);
  fake_torch::fill(tensor, 2.5);
  EXPECT_TRUE(tensor.is_cuda());
  const at::Tensor column = tensor.narrow(1, 2, 3).select(0, 1);
  EXPECT_EQ(fake_torch::to_host(column).sizes(), at::IntArrayRef({3}));
  EXPECT_EQ(fake_torch::to_host(column).sum().item<float>(), 7.5);
  const auto before = fake_torch::slices_in_use();
  const void* place = nullptr;
  {
    const at::Tensor other = fake_torch::empty({10}, at::kByte);
    EXPECT_EQ(fake_torch::slices_in_use(), before + 1);
    place = other.data_ptr();
  }
  EXPECT_EQ(fake_torch::empty({10}, at::kByte).data_ptr(), place);
  EXPECT_EQ(fake_torch::slices_in_use(), before);
}

}  // namespace
}  // namespace millrace::cuda
