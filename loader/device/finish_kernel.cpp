#include "millrace/loader/device/finish_kernel.h"

#include <map>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>

#include "millrace/loader/device/compile.h"
#include "millrace/loader/device/finish_source.h"
#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/driver.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/notice.h"

namespace millrace::device {
namespace {

using namespace cuda;

constexpr unsigned kThreads = 256;
constexpr int64_t kStoreBytes = 16;  // A run of finish.cu.

int compute_capability(int device) {
  return 10 * attribute_of(device, api::kDeviceComputeCapabilityMajor) +
         attribute_of(device, api::kDeviceComputeCapabilityMinor);
}

// The number of threads, as finish.cu divides the work: rows that are whole runs take a thread for each run of a row,
// in all channels; others one for each run of the output.
int64_t threads_for(const FinishArguments& arguments, c10::ScalarType dtype) {
  const int64_t values = kStoreBytes / static_cast<int64_t>(c10::elementSize(dtype));
  const int64_t rows = int64_t{arguments.samples} * arguments.height;
  if (arguments.width % values == 0) return rows * (arguments.width / values);
  return (rows * arguments.channels * arguments.width + values - 1) / values;
}

unsigned blocks_for(const FinishArguments& arguments, c10::ScalarType dtype) {
  const int64_t threads = threads_for(arguments, dtype);
  if (threads > INT32_MAX)
    throw std::invalid_argument("a batch of " + counted(arguments.samples, "picture") + " of " +
                                std::to_string(arguments.height) + " x " + std::to_string(arguments.width) +
                                " is too large to be finished at once; use smaller batches");
  return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
}

}  // namespace

const FinishKernel* FinishKernel::find(int device) {
  static std::mutex mutex;
  // Never destroyed: the driver may be gone by then.
  static auto* const kernels = new std::map<int, std::unique_ptr<const FinishKernel>>;
  const std::lock_guard lock(mutex);
  const auto known = kernels->find(device);
  if (known != kernels->end()) return known->second.get();
  std::unique_ptr<const FinishKernel> made;
  try {
    made.reset(new FinishKernel(device));
  } catch (const CannotCompile& e) {
    tell(NoticeLevel::kWarning, "pictures are finished by several passes of torch's operations on CUDA device " +
                                    std::to_string(device) +
                                    ", the kernel that does it in one cannot be compiled: " + e.what());
  }
  return kernels->emplace(device, std::move(made)).first->second.get();
}

FinishKernel::FinishKernel(int device) : device_(device) {
  const auto code = compile_cuda(finish_source(), {finish_arguments_source()}, compute_capability(device));
  const CurrentContext context(device);
  api::Module module = nullptr;
  MILLRACE_CUDA(module_load_data, &module, code.data());
  MILLRACE_CUDA(module_get_function, &to_float_, module, "millrace_finish_float");
  MILLRACE_CUDA(module_get_function, &to_half_, module, "millrace_finish_half");
  MILLRACE_CUDA(module_get_function, &to_bfloat16_, module, "millrace_finish_bfloat16");
}

void FinishKernel::launch(const FinishArguments& arguments, c10::ScalarType dtype, api::Stream stream) const {
  const unsigned blocks = blocks_for(arguments, dtype);
  if (blocks == 0) return;
  const api::Function function = dtype == c10::kFloat ? to_float_ : dtype == c10::kHalf ? to_half_ : to_bfloat16_;
  FinishArguments copy = arguments;  // The driver reads it before it returns.
  void* parameters[] = {&copy};
  const CurrentContext context(device_);
  MILLRACE_CUDA(launch_kernel, function, blocks, 1, 1, kThreads, 1, 1, 0, stream, parameters, nullptr);
}

}  // namespace millrace::device
