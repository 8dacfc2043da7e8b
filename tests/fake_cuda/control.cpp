#include <dlfcn.h>

#include <cstdlib>
#include <stdexcept>

#include "millrace/tests/fake_cuda/fake_cuda.h"

namespace fake_cuda {
namespace {

// The instance that the driver table has loaded, or will load.
void* symbol(const char* name) {
  static void* const library = [] {
    const char* const path = std::getenv("MILLRACE_CUDA_DRIVER");
    void* const handle = path ? ::dlopen(path, RTLD_NOW | RTLD_LOCAL) : nullptr;
    if (!handle) throw std::runtime_error("MILLRACE_CUDA_DRIVER does not name the fake driver; run the test by ctest");
    return handle;
  }();
  void* const found = ::dlsym(library, name);
  if (!found) throw std::runtime_error(std::string("MILLRACE_CUDA_DRIVER names no fake driver: it lacks ") + name);
  return found;
}

}  // namespace

void set(const std::string& knob, long long value) {
  reinterpret_cast<void (*)(const char*, long long)>(symbol("fake_cuda_set"))(knob.c_str(), value);
}

long long get(const std::string& knob) {
  return reinterpret_cast<long long (*)(const char*)>(symbol("fake_cuda_get"))(knob.c_str());
}

long long count(const std::string& counter) {
  return reinterpret_cast<long long (*)(const char*)>(symbol("fake_cuda_count"))(counter.c_str());
}

void capture(api::Stream stream, bool on) {
  reinterpret_cast<void (*)(api::Stream, bool)>(symbol("fake_cuda_capture"))(stream, on);
}

void register_kernel(const std::string& name, Kernel kernel, const std::vector<size_t>& parameter_bytes) {
  using Register = void (*)(const char*, Kernel, const size_t*, size_t);
  reinterpret_cast<Register>(symbol("fake_cuda_register_kernel"))(name.c_str(), kernel, parameter_bytes.data(),
                                                                  parameter_bytes.size());
}

}  // namespace fake_cuda
