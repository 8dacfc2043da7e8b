#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "millrace/sharing/cuda/probe.h"
#include "millrace/sharing/process/torch_cuda.h"
#include "millrace/tests/support/directory.h"

// What the probe finds on drivers of all kinds is tested through `millrace doctor`, in tests/apps.
namespace millrace::cuda {
namespace {

using testing::AllOf;
using testing::HasSubstr;

TEST(Probe, LeavesThisProcessFreeOfCuda) {
  const bool before = Driver::is_initialized();
  const Probe found = probe();
  EXPECT_EQ(Driver::is_initialized(), before);
  EXPECT_EQ(found.driver.text, "CUDA 13.0 with 2 devices");
  ASSERT_EQ(found.devices.size(), 2U);
  for (const auto& device : found.devices) {
    EXPECT_TRUE(device.pinning.works) << device.pinning.problem;
    EXPECT_TRUE(device.descriptors.works) << device.descriptors.problem;
    EXPECT_TRUE(device.legacy_ipc.works) << device.legacy_ipc.problem;
  }
  EXPECT_EQ(found.devices[1].name, "Fake GPU 1");
  EXPECT_EQ(found.devices[1].uuid, "GPU-66616b65-2d67-7075-0000-000000000001");
}

TEST(Probe, KnowsWsl) {
  const test::Directory linux;
  linux.write("proc/version", "Linux version 6.1.0 (gcc)");
  EXPECT_FALSE(is_wsl(linux.path()));
  const test::Directory wsl;
  wsl.write("proc/version", "Linux version 5.15.90.1-microsoft-standard-WSL2");
  EXPECT_TRUE(is_wsl(wsl.path()));
  linux.write("dev/dxg", "");
  EXPECT_TRUE(is_wsl(linux.path()));
}

TEST(TorchCuda, IsNotWantedWhereADriverIsNamed) {
  EXPECT_EQ(load_torch_cuda().state, TorchCuda::State::kNotWanted);
  EXPECT_THAT(load_torch_cuda().text, HasSubstr("MILLRACE_CUDA_DRIVER is set"));
}

TEST(TorchCuda, IsLoadedFromBesideTheLibraryThatIsThere) {
  using State = TorchCuda::State;
  const TorchCuda loaded = millrace::detail::load_beside("libtorch_cpu.so", "libc10.so");
  EXPECT_EQ(loaded.state, State::kLoaded) << loaded.text;
  EXPECT_THAT(loaded.text, HasSubstr("/libc10.so is loaded"));
  const TorchCuda missing = millrace::detail::load_beside("libtorch_cpu.so", "libtorch_missing.so");
  EXPECT_EQ(missing.state, State::kFailed);
  EXPECT_THAT(missing.text, AllOf(HasSubstr("/libtorch_missing.so: "), HasSubstr("No such file")));
  EXPECT_EQ(millrace::detail::load_beside("libmissing.so", "libc10.so").state, State::kNotWanted);
}

}  // namespace
}  // namespace millrace::cuda
