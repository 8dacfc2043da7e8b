#include "millrace/sharing/process/torch_cuda.h"

#include <dlfcn.h>
#include <link.h>
#include <unistd.h>

#include <cstdlib>

namespace millrace {
namespace {

// The driver's device files: of Linux, and of the Windows Subsystem for Linux.
bool has_driver() { return ::access("/dev/nvidiactl", F_OK) == 0 || ::access("/dev/dxg", F_OK) == 0; }

TorchCuda load() {
  using State = TorchCuda::State;
  if (::secure_getenv("MILLRACE_CUDA_DRIVER"))
    return {State::kNotWanted, "LibTorch's CUDA part is not loaded: MILLRACE_CUDA_DRIVER is set"};
  if (!has_driver()) return {State::kNotWanted, "LibTorch's CUDA part is not loaded: this machine has no CUDA driver"};
  return detail::load_beside("libtorch_cpu.so", "libtorch_cuda.so");
}

}  // namespace

const TorchCuda& load_torch_cuda() {
  static const TorchCuda result = load();
  return result;
}

namespace detail {

TorchCuda load_beside(const std::string& neighbour, const std::string& name) {
  using State = TorchCuda::State;
  void* const loaded = ::dlopen(neighbour.c_str(), RTLD_LAZY | RTLD_NOLOAD);
  struct link_map* module = nullptr;
  if (!loaded || ::dlinfo(loaded, RTLD_DI_LINKMAP, &module) != 0)
    return {State::kNotWanted, name + " is not loaded: this program has no " + neighbour};
  const std::string path = module->l_name;
  const std::string wanted = path.substr(0, path.rfind('/') + 1) + name;
  if (!::dlopen(wanted.c_str(), RTLD_NOW | RTLD_GLOBAL)) return {State::kFailed, ::dlerror()};
  return {State::kLoaded, wanted + " is loaded"};
}

}  // namespace detail
}  // namespace millrace
