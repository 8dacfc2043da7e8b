#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/cuda/fence.h"
#include "millrace/sharing/cuda/mps.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/process/context.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"
#include "millrace/tests/fake_cuda/fake_torch.h"
#include "millrace/tests/support/directory.h"
#include "millrace/tests/support/paths.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::cuda {
namespace {

namespace mp = millrace::multiprocessing;
using fake_cuda::Setting;
using Kind = DriverStatus::Kind;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

// "KIND text", and whether find(), get() and is_initialized() say the same.
std::string status_text() {
  const DriverStatus& status = Driver::status();
  std::string got = "get: driver";
  try {
    Driver::get();
  } catch (const CudaUnavailable& error) {
    got = error.what();
  }
  const bool ready = status.kind == Kind::kReady;
  const bool agree = ready ? Driver::find() && Driver::is_initialized() && got == "get: driver"
                           : !Driver::find() && !Driver::is_initialized() && got == status.text;
  return std::to_string(static_cast<int>(status.kind)) + (agree ? " " : " (not consistent) ") + status.text;
}

void tell_status(OwnedFd fd) { test::send_text(FdSocket(std::move(fd)), status_text()); }

using Variables = std::vector<std::pair<std::string, std::string>>;

void tell_status_with(OwnedFd fd, Variables variables) {
  for (const auto& [name, value] : variables) ::setenv(name.c_str(), value.c_str(), 1);
  tell_status(std::move(fd));
}

// What a process of its own says, which has not used CUDA before.
template <class Function, class... Arguments>
std::string answer(StartMethod method, Function function, Arguments... arguments) {
  auto [ours, theirs] = FdSocket::pair();
  auto process = mp::Context(method).Process(function, theirs.take(), arguments...);
  process.start();
  const std::string text = test::receive_text(ours);
  EXPECT_TRUE(process.join(test::kLong));
  EXPECT_EQ(process.exitcode(), 0);
  return text;
}

std::string status_with(Variables variables) {
  return answer(StartMethod::kForkServer, tell_status_with, std::move(variables));
}

std::string number_of(Kind kind) { return std::to_string(static_cast<int>(kind)) + " "; }

TEST(DriverStatus, IsReady) {
  EXPECT_EQ(status_text(), number_of(Kind::kReady) + "CUDA 13.0 with 2 devices");
  EXPECT_EQ(status_with({{"MILLRACE_FAKE_CUDA", "devices=1,driver_version=12040"}}),
            number_of(Kind::kReady) + "CUDA 12.4 with 1 device");
}

TEST(DriverStatus, SaysThatThereIsNoLibrary) {
  EXPECT_EQ(status_with({{"MILLRACE_CUDA_DRIVER", "none"}}),
            number_of(Kind::kNoLibrary) + "CUDA is switched off: MILLRACE_CUDA_DRIVER is none");
  EXPECT_THAT(status_with({{"MILLRACE_CUDA_DRIVER", "/missing/libcuda.so.1"}}),
              AllOf(StartsWith(number_of(Kind::kNoLibrary) + "no CUDA driver: /missing/libcuda.so.1: "),
                    HasSubstr("Install NVIDIA's driver")));
}

TEST(DriverStatus, SaysThatTheDriverIsTooOld) {
  EXPECT_THAT(status_with({{"MILLRACE_FAKE_CUDA", "driver_version=11080"}}),
              AllOf(StartsWith(number_of(Kind::kTooOld)), HasSubstr("it is of CUDA 11.8; install one of CUDA 12.0")));
  EXPECT_THAT(status_with({{"MILLRACE_CUDA_DRIVER", test::built("tests/libfake_cuda_old.so")}}),
              AllOf(StartsWith(number_of(Kind::kTooOld)),
                    HasSubstr("it is of CUDA 11.4 and lacks cuInit; install one of CUDA 12.0 or later")));
}

TEST(DriverStatus, SaysWhyTheDriverDoesNotStart) {
  EXPECT_THAT(status_with({{"MILLRACE_FAKE_CUDA", "init_result=803"}}),
              AllOf(StartsWith(number_of(Kind::kInitFailed)), HasSubstr("CUDA_ERROR_SYSTEM_DRIVER_MISMATCH (803)"),
                    HasSubstr("reboot, or reinstall the driver")));
  EXPECT_THAT(status_with({{"MILLRACE_FAKE_CUDA", "init_result=805"}}), HasSubstr("start nvidia-cuda-mps-control"));
}

TEST(DriverStatus, SaysThatThereIsNoDevice) {
  for (const char* knobs : {"devices=0", "init_result=100"})
    EXPECT_THAT(status_with({{"MILLRACE_FAKE_CUDA", knobs}}),
                AllOf(StartsWith(number_of(Kind::kNoDevice)), HasSubstr("CUDA_VISIBLE_DEVICES")));
}

TEST(DriverStatus, SaysThatTheProcessWasForkedAfterTheDriverWasUsed) {
  Driver::get();
  EXPECT_THAT(answer(StartMethod::kFork, tell_status),
              AllOf(StartsWith(number_of(Kind::kForked)),
                    HasSubstr("forked off process " + std::to_string(::getpid()) + ", which had used CUDA before"),
                    HasSubstr("Call millrace::init(argc, argv)")));
}

TEST(DriverStatus, IsReadyInAProcessThatNobodyForkedAfterTheUse) {
  Driver::get();
  EXPECT_THAT(answer(StartMethod::kForkServer, tell_status), StartsWith(number_of(Kind::kReady)));
  EXPECT_THAT(answer(StartMethod::kSpawn, tell_status), StartsWith(number_of(Kind::kReady)));
}

TEST(DriverStatus, IsReadyInAProcessForkedBeforeTheUse) {
  const auto forks_first = [](OwnedFd fd) {
    const std::string of_child = answer(StartMethod::kFork, tell_status);
    test::send_text(FdSocket(std::move(fd)), of_child + (Driver::is_initialized() ? ", and here too" : ""));
  };
  EXPECT_EQ(answer(StartMethod::kForkServer, forks_first), number_of(Kind::kReady) + "CUDA 13.0 with 2 devices");
}

TEST(DriverStatus, AForkedProcessWithoutADriverIsAsItsParent) {
  const auto parent = [](OwnedFd fd) {
    ::setenv("MILLRACE_CUDA_DRIVER", "none", 1);
    Driver::status();
    test::send_text(FdSocket(std::move(fd)), answer(StartMethod::kFork, tell_status));
  };
  EXPECT_THAT(answer(StartMethod::kForkServer, parent), StartsWith(number_of(Kind::kNoLibrary)));
}

TEST(Mps, ControlFileIsBelievedFromRootAndFromOneselfOnly) {
  const test::Directory directory;
  ASSERT_EQ(std::getenv("CUDA_MPS_PIPE_DIRECTORY"), nullptr);
  EXPECT_EQ(mps_pipe_directory(directory.path()), std::nullopt);
  directory.write("control", "");
  EXPECT_EQ(mps_pipe_directory(directory.path()), directory.path());
  if (::geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  constexpr uid_t kStranger = 12345;
  ASSERT_EQ(::chown((directory.path() + "/control").c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(mps_pipe_directory(directory.path()), std::nullopt);
  ASSERT_EQ(::chown((directory.path() + "/control").c_str(), 0, 0), 0);
  ASSERT_EQ(::chown(directory.path().c_str(), kStranger, kStranger), 0);
  EXPECT_EQ(mps_pipe_directory(directory.path()), std::nullopt);
}

TEST(DriverErrors, TellTheCallTheNameTheTextAndTheCure) {
  const CurrentContext context(0);
  api::DevicePtr address = 0;
  try {
    const Setting little("memory_bytes", 1 << 20);
    MILLRACE_CUDA(mem_alloc, &address, size_t{2} << 20);
    FAIL() << "more memory than there is";
  } catch (const CudaError& error) {
    EXPECT_EQ(error.code(), api::kOutOfMemory);
    EXPECT_STREQ(error.what(),
                 "the CUDA driver call mem_alloc(&address, size_t{2} << 20) failed: CUDA_ERROR_OUT_OF_MEMORY (2), out "
                 "of memory. The device, or the host memory that can be pinned, is full: use smaller batches, or end "
                 "other programs that use it");
  }
  try {
    detail::throw_cuda_error(12345, "some_call()");
  } catch (const CudaError& error) {
    EXPECT_STREQ(error.what(), "the CUDA driver call some_call() failed: unknown error (12345)");
  }
}

TEST(CurrentContext, IsTheThreadsForTheLifeOfTheObject) {
  api::DevicePtr address = 0;
  size_t bytes = 0;
  EXPECT_EQ(Driver::get().entry().mem_alloc(&address, 16), api::kInvalidContext);
  {
    const CurrentContext first(0);
    {
      const CurrentContext second(1);
      MILLRACE_CUDA(mem_alloc, &address, 16);
    }
    int device = -1;
    MILLRACE_CUDA(pointer_get_attribute, &device, api::kPointerDeviceOrdinal, address);
    EXPECT_EQ(device, 1);
    std::thread([&] { EXPECT_EQ(Driver::get().entry().mem_get_info(&bytes, &bytes), api::kInvalidContext); }).join();
    MILLRACE_CUDA(mem_free, address);
  }
  EXPECT_EQ(Driver::get().entry().mem_get_info(&bytes, &bytes), api::kInvalidContext);
  EXPECT_TRUE(has_context(0));
  EXPECT_THROW(CurrentContext(2), CudaError);
}

TEST(CurrentContext, IsMadeByNobodyWhoOnlyAsks) {
  const auto ask = [](OwnedFd fd) {
    std::string text = has_context(0) ? "context without a driver" : "none";
    Driver::get();
    text += has_context(1) ? ", context of a driver" : ", none";
    const CurrentContext context(1);
    text += has_context(0) ? ", of the other device" : ", none";
    text += has_context(1) ? ", its own" : ", not even its own";
    test::send_text(FdSocket(std::move(fd)), text);
  };
  EXPECT_EQ(answer(StartMethod::kForkServer, ask), "none, none, none, its own");
}

TEST(Devices, AreKnownByTheirUuid) {
  EXPECT_NE(uuid_of(0), uuid_of(1));
  EXPECT_EQ(device_with(uuid_of(1)), 1);
  try {
    device_with(api::Uuid{{'?'}});
    FAIL();
  } catch (const CudaUnavailable& error) {
    EXPECT_THAT(error.what(), HasSubstr("CUDA_VISIBLE_DEVICES"));
  }
}

// A stream that is busy until release() at the latest.
class BusyStream {
 public:
  explicit BusyStream(int device) : stream(device), context_(device) {
    MILLRACE_CUDA(mem_alloc, &gate_, sizeof(bool));
    *reinterpret_cast<volatile bool*>(gate_) = false;
    fake_cuda::register_kernel("wait_at_gate",
                               [](const unsigned*, const unsigned*, void** parameters) {
                                 while (!**static_cast<volatile bool**>(parameters[0])) std::this_thread::yield();
                               },
                               {sizeof(api::DevicePtr)});
    api::Module module = nullptr;
    api::Function kernel = nullptr;
    MILLRACE_CUDA(module_load_data, &module, "image");
    MILLRACE_CUDA(module_get_function, &kernel, module, "wait_at_gate");
    void* parameters[] = {&gate_};
    MILLRACE_CUDA(launch_kernel, kernel, 1, 1, 1, 1, 1, 1, 0, stream.get(), parameters, nullptr);
  }

  ~BusyStream() {
    release();
    MILLRACE_CUDA(mem_free, gate_);
  }

  void release() { *reinterpret_cast<volatile bool*>(gate_) = true; }

  const OwnedStream stream;

 private:
  const CurrentContext context_;
  api::DevicePtr gate_ = 0;
};

// Waits until it is true, or for too long.
template <class Condition>
bool eventually(const Condition& condition) {
  const auto deadline = std::chrono::steady_clock::now() + test::kLong;
  while (!condition() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
  return condition();
}

TEST(Event, IsDoneWhenTheWorkBeforeItIs) {
  BusyStream busy(0);
  Event event(0);
  EXPECT_TRUE(event.done()) << "never recorded";
  event.record(busy.stream.get());
  EXPECT_FALSE(event.done());
  Event moved(std::move(event));
  EXPECT_FALSE(moved.done());
  busy.release();
  EXPECT_TRUE(eventually([&] { return moved.done(); }));
}

TEST(Event, LetsAStreamOfAnotherDeviceWait) {
  BusyStream busy(0);
  const OwnedStream other(1);
  Event before(0);
  Event after(1);
  before.record(busy.stream.get());
  before.block(other.get());
  after.record(other.get());
  EXPECT_FALSE(after.done());
  busy.release();
  EXPECT_TRUE(eventually([&] { return after.done(); }));
}

TEST(Event, IsOfOneDevice) {
  const OwnedStream stream(1);
  Event event(0);
  EXPECT_THROW(event.record(stream.get()), CudaError);
}

TEST(Event, AndStreamsAreGivenBack) {
  const auto events = fake_cuda::count("events");
  const auto streams = fake_cuda::count("streams");
  {
    const OwnedStream stream(0);
    Event first(0);
    Event second(1);
    first = std::move(second);
    EXPECT_EQ(fake_cuda::count("events"), events + 2);
    EXPECT_EQ(fake_cuda::count("streams"), streams + 1);
  }
  EXPECT_EQ(fake_cuda::count("events"), events);
  EXPECT_EQ(fake_cuda::count("streams"), streams);
}

TEST(OwnedStream, DoesItsWorkAlthoughItIsDestroyed) {
  Event event(0);
  {
    BusyStream busy(0);
    event.record(busy.stream.get());
    busy.release();
  }
  EXPECT_TRUE(eventually([&] { return event.done(); }));
}

TEST(CurrentStream, IsTorchsOrTheDefaultOne) {
  fake_torch::install();
  EXPECT_EQ(current_stream(0), nullptr);
  const OwnedStream stream(0);
  {
    const fake_torch::CurrentStream current(0, stream.get());
    EXPECT_EQ(current_stream(0), stream.get());
    EXPECT_EQ(current_stream(1), nullptr);
  }
  EXPECT_EQ(current_stream(0), nullptr);
}

TEST(Fence, PassesWhenAllItsStreamsHave) {
  BusyStream first(0);
  BusyStream second(0);
  Fence fence(0, {first.stream.get(), nullptr, second.stream.get()});
  EXPECT_FALSE(fence.passed());
  first.release();
  EXPECT_FALSE(fence.passed());
  second.release();
  EXPECT_TRUE(eventually([&] { return fence.passed(); }));
  EXPECT_TRUE(Fence(0, {}).passed());
}

TEST(Fence, WaitsForTheEndOfACaptureAndDoesNotRuinIt) {
  const OwnedStream stream(0);
  const auto ruined = fake_cuda::count("invalidated_captures");
  fake_cuda::capture(stream.get(), true);
  EXPECT_TRUE(is_capturing(stream.get()));
  Fence fence(0, {stream.get()});
  EXPECT_FALSE(fence.passed());
  fake_cuda::capture(stream.get(), false);
  EXPECT_FALSE(is_capturing(stream.get()));
  EXPECT_TRUE(eventually([&] { return fence.passed(); }));
  EXPECT_EQ(fake_cuda::count("invalidated_captures"), ruined);
}

TEST(Fence, LeavesACaptureAloneThatTheDefaultStreamWouldWaitFor) {
  const CurrentContext context(0);
  const auto ruined = fake_cuda::count("invalidated_captures");
  api::Stream blocking = nullptr;
  MILLRACE_CUDA(stream_create, &blocking, 0);
  fake_cuda::capture(blocking, true);
  EXPECT_TRUE(is_capturing(nullptr));
  Fence fence(0, {nullptr});
  EXPECT_FALSE(fence.passed());
  fake_cuda::capture(blocking, false);
  EXPECT_TRUE(eventually([&] { return fence.passed(); }));
  EXPECT_EQ(fake_cuda::count("invalidated_captures"), ruined);
  MILLRACE_CUDA(stream_destroy, blocking);
}

TEST(Fence, AsksOnWhileAnotherStreamCaptures) {
  const OwnedStream captured(0);
  const OwnedStream stream(0);
  const auto ruined = fake_cuda::count("invalidated_captures");
  fake_cuda::capture(captured.get(), true);
  Fence fence(0, {stream.get()});
  EXPECT_TRUE(eventually([&] { return fence.passed(); }));
  EXPECT_EQ(fake_cuda::count("invalidated_captures"), ruined);
  // The fake ruins it for whoever does not take care.
  Driver::get().entry().event_synchronize(nullptr);
  EXPECT_EQ(fake_cuda::count("invalidated_captures"), ruined + 1);
  fake_cuda::capture(captured.get(), false);
}

TEST(Fence, WithoutEventsWaitsForTheStream) {
  BusyStream busy(0);
  const Setting none("event_limit", fake_cuda::count("events"));
  std::thread releases([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    busy.release();
  });
  Fence fence(0, {busy.stream.get()});
  EXPECT_TRUE(fence.passed());
  releases.join();
  EXPECT_EQ(Driver::get().entry().stream_query(busy.stream.get()), api::kSuccess);
}

}  // namespace
}  // namespace millrace::cuda
