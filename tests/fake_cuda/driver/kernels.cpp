#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "millrace/tests/fake_cuda/driver/process.h"
#include "millrace/tests/fake_cuda/driver/streams.h"
#include "millrace/tests/fake_cuda/fake_cuda.h"

// Modules and launches: a kernel is a function of the test, whatever the module's image holds.
namespace millrace::cuda::api {

struct ModuleTag {
  int device;
};

struct FunctionTag {
  fake_cuda::Kernel kernel;
  std::vector<size_t> parameter_bytes;
};

}  // namespace millrace::cuda::api

namespace fake_cuda {
namespace {

struct Kernels {
  std::mutex mutex;
  std::map<std::string, FunctionTag> by_name;
  std::map<Module, std::unique_ptr<ModuleTag>> modules;
};
Kernels& kernels = *new Kernels;  // Used until the very end of the process.

using Arguments = std::vector<std::vector<unsigned char>>;

// The driver has the arguments when a launch returns, though the kernel runs later.
Arguments copy_of(void** parameters, const std::vector<size_t>& parameter_bytes) {
  Arguments arguments;
  for (size_t i = 0; i < parameter_bytes.size(); ++i) {
    const auto* const begin = static_cast<const unsigned char*>(parameters[i]);
    arguments.emplace_back(begin, begin + parameter_bytes[i]);
  }
  return arguments;
}

}  // namespace

Result cuModuleLoadData(Module* module, const void* image) {
  return with_context([&](int device) -> Result {
    if (!image) return kInvalidValue;
    const std::lock_guard lock(kernels.mutex);
    auto loaded = std::make_unique<ModuleTag>(ModuleTag{device});
    *module = loaded.get();
    kernels.modules.emplace(*module, std::move(loaded));
    return kSuccess;
  });
}

Result cuModuleUnload(Module module) {
  return with_context([&](int) -> Result {
    const std::lock_guard lock(kernels.mutex);
    return kernels.modules.erase(module) == 1 ? kSuccess : kInvalidHandle;
  });
}

Result cuModuleGetFunction(Function* function, Module module, const char* name) {
  return with_context([&](int) -> Result {
    const std::lock_guard lock(kernels.mutex);
    if (!kernels.modules.contains(module)) return kInvalidHandle;
    const auto found = kernels.by_name.find(name);
    if (found == kernels.by_name.end()) return kNotFound;
    *function = &found->second;
    return kSuccess;
  });
}

Result cuLaunchKernel(Function function, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                      unsigned block_y, unsigned block_z, unsigned, Stream stream, void** parameters, void** extra) {
  return with_context([&](int) -> Result {
    constexpr unsigned long long kLargestBlock = 1024;
    const unsigned long long threads = 1ull * block_x * block_y * block_z;
    if (!function || extra || threads == 0 || threads > kLargestBlock) return kInvalidValue;
    if (grid_x == 0 || grid_y == 0 || grid_z == 0 || grid_y > 65535 || grid_z > 65535) return kInvalidValue;
    return enqueue(stream, [=, kernel = function->kernel, arguments = copy_of(parameters, function->parameter_bytes)] {
      const unsigned grid[3] = {grid_x, grid_y, grid_z};
      const unsigned block[3] = {block_x, block_y, block_z};
      Arguments own = arguments;
      std::vector<void*> pointers;
      for (auto& argument : own) pointers.push_back(argument.data());
      kernel(grid, block, pointers.data());
    });
  });
}

FAKE_CUDA_API void fake_cuda_register_kernel(const char* name, Kernel kernel, const size_t* parameter_bytes,
                                             size_t parameters) {
  const std::lock_guard lock(kernels.mutex);
  kernels.by_name.insert_or_assign(name, FunctionTag{kernel, {parameter_bytes, parameter_bytes + parameters}});
}

}  // namespace fake_cuda
