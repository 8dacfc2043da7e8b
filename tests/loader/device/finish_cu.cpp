#include "millrace/tests/loader/device/finish_cu.h"

#include <c10/util/Half.h>

#include <algorithm>
#include <bit>
#include <map>

// What CUDA C++ has and C++ has not. A translation unit of its own, so that nothing else sees these names.
#define __device__
#define __global__

namespace {

struct Index {
  unsigned x = 0;
};
thread_local Index blockIdx, threadIdx, blockDim;

using std::max;
using std::min;

unsigned char __ldg(const unsigned char* address) { return *address; }
unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }

}  // namespace

// The only instruction that is written out there is the conversion to float16.
#ifdef __clang__
#pragma clang diagnostic ignored "-Wkeyword-macro"
#endif
#define asm(...) (to.bits = c10::detail::fp16_ieee_from_fp32_value(value))
#include "millrace/loader/device/finish.cu"
#undef asm

namespace {

using Kernel = void (*)(const FinishArguments);

Kernel kernel_of(const std::string& name) {
  static const std::map<std::string, Kernel> kernels = {{"millrace_finish_float", millrace_finish_float},
                                                        {"millrace_finish_half", millrace_finish_half},
                                                        {"millrace_finish_bfloat16", millrace_finish_bfloat16}};
  return kernels.at(name);
}

}  // namespace

void launch_on_cpu(const std::string& kernel, unsigned blocks, unsigned threads, void** parameters) {
  const Kernel run = kernel_of(kernel);
  const auto& arguments = *static_cast<const FinishArguments*>(parameters[0]);
  blockDim.x = threads;
  for (blockIdx.x = 0; blockIdx.x < blocks; ++blockIdx.x)
    for (threadIdx.x = 0; threadIdx.x < threads; ++threadIdx.x) run(arguments);
}

void run_thread_on_cpu(const std::string& kernel, unsigned thread, void** parameters) {
  blockDim.x = 1;
  blockIdx.x = thread;
  threadIdx.x = 0;
  kernel_of(kernel)(*static_cast<const FinishArguments*>(parameters[0]));
}
