#include <ATen/ops/empty.h>
#include <ATen/ops/randint.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/device/compile.h"
#include "millrace/loader/device/finish_kernel.h"
#include "millrace/loader/device/finish_steps.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/tests/gpu/check.h"
#include "millrace/tests/gpu/sections.h"

namespace gpu_check {
namespace {

using namespace millrace;
using namespace millrace::cuda;
using transforms::Normalize;

constexpr int kRuns = 20;

// Memory of the device that holds what a tensor holds.
class OnDevice {
 public:
  explicit OnDevice(const at::Tensor& tensor) {
    MILLRACE_CUDA(mem_alloc, &address_, tensor.storage().nbytes());
    MILLRACE_CUDA(memcpy_htod, address_, tensor.storage().data(), tensor.storage().nbytes());
  }
  OnDevice(const OnDevice&) = delete;
  OnDevice& operator=(const OnDevice&) = delete;
  ~OnDevice() {
    if (const auto* const driver = Driver::find()) driver->entry().mem_free(address_);
  }

  api::DevicePtr address() const { return address_; }
  template <class T>
  T* pointer() const {
    return reinterpret_cast<T*>(address_);
  }

 private:
  api::DevicePtr address_ = 0;
};

class Stopwatch {
 public:
  Stopwatch() {
    MILLRACE_CUDA(event_create, &start_, 0);
    MILLRACE_CUDA(event_create, &end_, 0);
  }
  Stopwatch(const Stopwatch&) = delete;
  Stopwatch& operator=(const Stopwatch&) = delete;
  ~Stopwatch() {
    const auto* const driver = Driver::find();
    if (!driver) return;
    driver->entry().event_destroy(start_);
    driver->entry().event_destroy(end_);
  }
  void start(const OwnedStream& stream) { MILLRACE_CUDA(event_record, start_, stream.get()); }
  double stop_ms(const OwnedStream& stream) {
    float ms = 0;
    MILLRACE_CUDA(event_record, end_, stream.get());
    MILLRACE_CUDA(event_synchronize, end_);
    MILLRACE_CUDA(event_elapsed_time, &ms, start_, end_);
    return ms;
  }

 private:
  api::Event start_ = nullptr, end_ = nullptr;
};

// What a batch of odd rows is to reach; those whose rows are whole runs reached 1.87 to 2.6 TB/s on an H100.
constexpr double kWantedOfOddRows = 1800;

// Compares the kernel's bytes with those of the definition, and times it. Gives GB/s.
double check_finish(const std::string& kind, const at::Tensor& pictures, const Normalize& normalize,
                    const std::optional<Windows>& windows) {
  const auto* const kernel = device::FinishKernel::find(0);
  const auto expected = finish(pictures, normalize, windows);
  const OnDevice pixels(pictures), out(expected);
  const std::optional<OnDevice> corners =
      windows ? std::make_optional<OnDevice>(windows->corners) : std::optional<OnDevice>();
  auto arguments = device::finish_arguments(pictures, expected, normalize, windows);
  arguments.pixels = pixels.pointer<unsigned char>();
  arguments.out = out.pointer<void>();
  if (corners) arguments.windows = corners->pointer<int>();

  const std::vector<char> zeros(expected.nbytes(), 0);
  MILLRACE_CUDA(memcpy_htod, out.address(), zeros.data(), zeros.size());
  const OwnedStream stream(0);
  kernel->launch(arguments, normalize.dtype, stream.get());
  MILLRACE_CUDA(stream_synchronize, stream.get());
  std::vector<char> made(expected.nbytes());
  MILLRACE_CUDA(memcpy_dtoh, made.data(), out.address(), made.size());
  if (std::memcmp(made.data(), expected.const_data_ptr(), made.size()) != 0)
    throw std::runtime_error("the kernel's values are not those of the CPU: " + kind);

  Stopwatch stopwatch;
  std::vector<double> ms;
  for (int i = 0; i < kRuns; ++i) {
    stopwatch.start(stream);
    kernel->launch(arguments, normalize.dtype, stream.get());
    ms.push_back(stopwatch.stop_ms(stream));
  }
  const double bytes = static_cast<double>(expected.numel()) + static_cast<double>(expected.nbytes());
  const double rate = bytes / median(ms) / 1e6;
  row("finish, " + kind,
      text("bit for bit as on the CPU; %.1f us, %.0f GB/s read and written", 1e3 * median(ms), rate));
  return rate;
}

}  // namespace

void finishing() {
  if (const auto why = device::why_no_cuda_compiler()) throw Skipped(*why);
  const CurrentContext context(0);
  const auto start = Clock::now();
  if (!device::FinishKernel::find(0)) throw std::runtime_error("the kernel does not compile");
  row("finish: compile and load", text("%.0f ms", ms_since(start)));
  const auto planar = at::randint(256, {256, 3, 224, 224}, c10::kByte);
  const auto interleaved = at::randint(256, {256, 224, 224, 3}, c10::kByte).permute({0, 3, 1, 2});
  const auto odd = at::randint(256, {256, 3, 223, 221}, c10::kByte);
  const auto large = at::randint(256, {128, 3, 256, 256}, c10::kByte);
  const Windows windows{{224, 224}, at::randint(0, 2, {128, 3}, c10::kInt).mul_(31)};
  const auto normalize = [](c10::ScalarType type) { return Normalize::imagenet(type); };
  check_finish("256 x 3 x 224 x 224 to float32", planar, normalize(c10::kFloat), std::nullopt);
  check_finish("the same to float16", planar, normalize(c10::kHalf), std::nullopt);
  check_finish("the same to bfloat16", planar, normalize(c10::kBFloat16), std::nullopt);
  check_finish("256 x 224 x 224 x 3 to bfloat16", interleaved, normalize(c10::kBFloat16), std::nullopt);
  const double rate = check_finish("256 x 3 x 223 x 221 to bfloat16", odd, normalize(c10::kBFloat16), std::nullopt);
  row("finish, whether odd rows reach 1.8 TB/s", rate >= kWantedOfOddRows ? "yes" : text("no: %.0f GB/s", rate));
  check_finish("128 x 3 x 256 x 256, cut to 224 x 224 and mirrored, to float16", large, normalize(c10::kHalf), windows);
}

}  // namespace gpu_check
