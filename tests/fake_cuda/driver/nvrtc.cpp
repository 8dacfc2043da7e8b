#include <cstring>

#include "millrace/tests/fake_cuda/driver/entry_points.h"
#include "millrace/tests/fake_cuda/driver/knobs.h"

// A compiler whose machine code is one word: what a launch runs is a function of the test, see kernels.cpp.
namespace {

constexpr char kMachineCode[] = "code";
constexpr char kLog[] = "the fake was told to fail";

int no_program = 0;

}  // namespace

FAKE_CUDA_API const char* nvrtcGetErrorString(int result) { return result == 0 ? "NVRTC_SUCCESS" : "NVRTC_ERROR"; }

FAKE_CUDA_API int nvrtcCreateProgram(void** program, const char*, const char*, int, const char* const*,
                                     const char* const*) {
  *program = &no_program;
  return 0;
}

FAKE_CUDA_API int nvrtcDestroyProgram(void** program) {
  *program = nullptr;
  return 0;
}

FAKE_CUDA_API int nvrtcCompileProgram(void*, int, const char* const*) {
  return static_cast<int>(fake_cuda::knobs.nvrtc_result);
}

FAKE_CUDA_API int nvrtcGetCUBINSize(void*, size_t* bytes) {
  *bytes = sizeof kMachineCode;
  return 0;
}

FAKE_CUDA_API int nvrtcGetCUBIN(void*, char* cubin) {
  std::memcpy(cubin, kMachineCode, sizeof kMachineCode);
  return 0;
}

FAKE_CUDA_API int nvrtcGetProgramLogSize(void*, size_t* bytes) {
  *bytes = sizeof kLog;
  return 0;
}

FAKE_CUDA_API int nvrtcGetProgramLog(void*, char* log) {
  std::memcpy(log, kLog, sizeof kLog);
  return 0;
}
