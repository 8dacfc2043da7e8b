#include "millrace/loader/device/compile.h"

#include <c10/core/Allocator.h>
#include <dlfcn.h>

#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <utility>

#include "millrace/sharing/cuda/driver.h"

namespace millrace::device {
namespace {

using Program = struct ProgramTag*;  // nvrtcProgram

// The part of nvrtc.h (CUDA 12 and 13) that is called here; its results are 0 for success.
#define MILLRACE_NVRTC_ENTRY_POINTS(X)                                                                         \
  X(get_error_string, nvrtcGetErrorString, const char*, (int result))                                          \
  X(create_program, nvrtcCreateProgram, int,                                                                   \
    (Program* program, const char* text, const char* name, int num_headers, const char* const* headers,        \
     const char* const* include_names))                                                                        \
  X(destroy_program, nvrtcDestroyProgram, int, (Program* program))                                             \
  X(compile_program, nvrtcCompileProgram, int, (Program program, int num_options, const char* const* options)) \
  X(get_cubin_size, nvrtcGetCUBINSize, int, (Program program, size_t* bytes))                                  \
  X(get_cubin, nvrtcGetCUBIN, int, (Program program, char* cubin))                                             \
  X(get_program_log_size, nvrtcGetProgramLogSize, int, (Program program, size_t* bytes))                       \
  X(get_program_log, nvrtcGetProgramLog, int, (Program program, char* log))

struct Nvrtc {
#define MILLRACE_NVRTC_MEMBER(member, symbol, result, parameters) result(*member) parameters = nullptr;
  MILLRACE_NVRTC_ENTRY_POINTS(MILLRACE_NVRTC_MEMBER)
#undef MILLRACE_NVRTC_MEMBER
  std::string missing;  // Why there is none; empty when there is.
};

constexpr const char* kVariable = "MILLRACE_NVRTC";

// The names by which NVRTC is tried. The first are names alone, which also finds the library that torch has loaded. An
// older driver does not load what a newer compiler makes.
std::vector<std::string> candidates() {
  if (const char* const named = ::secure_getenv(kVariable)) return {named};
  const int driver = cuda::Driver::status().version;
  const bool only_12 = driver != 0 && driver < 13000;
  std::vector<std::string> found;
  if (!only_12) found.push_back("libnvrtc.so.13");
  found.push_back("libnvrtc.so.12");
  Dl_info torch{};
  if (::dladdr(reinterpret_cast<const void*>(&c10::GetAllocator), &torch) && torch.dli_fname) {
    const auto wheels = std::filesystem::path(torch.dli_fname).parent_path() / ".." / ".." / "nvidia";
    if (!only_12) found.push_back(wheels / "cu13" / "lib" / "libnvrtc.so.13");
    found.push_back(wheels / "cuda_nvrtc" / "lib" / "libnvrtc.so.12");
  }
  found.push_back("/usr/local/cuda/lib64/libnvrtc.so");
  return found;
}

Nvrtc open() {
  Nvrtc nvrtc;
  void* library = nullptr;
  for (const auto& file : candidates()) {
    library = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (library) break;
  }
  if (!library) {
    nvrtc.missing = std::string("no libnvrtc was found: ") + ::dlerror() +
                    ". Install the package nvidia-cuda-nvrtc beside LibTorch, or name the library by " + kVariable;
    return nvrtc;
  }
#define MILLRACE_NVRTC_FIND(member, symbol, result, parameters)                       \
  nvrtc.member = reinterpret_cast<decltype(nvrtc.member)>(::dlsym(library, #symbol)); \
  if (!nvrtc.member) nvrtc.missing = "the libnvrtc that was found is too old, it lacks " #symbol;
  MILLRACE_NVRTC_ENTRY_POINTS(MILLRACE_NVRTC_FIND)
#undef MILLRACE_NVRTC_FIND
  return nvrtc;
}

const Nvrtc& nvrtc() {
  static const Nvrtc library = open();
  return library;
}

class OwnedProgram {
 public:
  OwnedProgram(const SourceText& program, const std::vector<SourceText>& headers) {
    std::vector<const char*> texts, names;
    for (const auto& header : headers) {
      texts.push_back(header.text.c_str());
      names.push_back(header.name.c_str());
    }
    check("nvrtcCreateProgram", nvrtc().create_program(&program_, program.text.c_str(), program.name.c_str(),
                                                       static_cast<int>(headers.size()), texts.data(), names.data()));
  }
  OwnedProgram(const OwnedProgram&) = delete;
  OwnedProgram& operator=(const OwnedProgram&) = delete;
  ~OwnedProgram() { nvrtc().destroy_program(&program_); }

  void compile(int compute_capability) {
    const std::string architecture = "--gpu-architecture=sm_" + std::to_string(compute_capability);
    const char* const options[] = {architecture.c_str(), "--std=c++17"};
    const int result = nvrtc().compile_program(program_, static_cast<int>(std::size(options)), options);
    if (result != 0)
      throw CannotCompile("NVRTC with " + architecture + " failed: " + nvrtc().get_error_string(result) + "\n" + log());
  }

  std::vector<char> machine_code() const {
    size_t bytes = 0;
    check("nvrtcGetCUBINSize", nvrtc().get_cubin_size(program_, &bytes));
    std::vector<char> code(bytes);
    check("nvrtcGetCUBIN", nvrtc().get_cubin(program_, code.data()));
    return code;
  }

 private:
  static void check(const char* call, int result) {
    if (result != 0) throw CannotCompile(std::string(call) + " failed: " + nvrtc().get_error_string(result));
  }

  std::string log() const {
    size_t bytes = 0;
    if (nvrtc().get_program_log_size(program_, &bytes) != 0 || bytes == 0) return "";
    std::string text(bytes, '\0');
    nvrtc().get_program_log(program_, text.data());
    text.resize(bytes - 1);  // It ends with a zero byte.
    return text;
  }

  Program program_ = nullptr;
};

}  // namespace

std::vector<char> compile_cuda(const SourceText& program, const std::vector<SourceText>& headers,
                               int compute_capability) {
  if (const auto why = why_no_cuda_compiler()) throw CannotCompile(*why);
  OwnedProgram made(program, headers);
  made.compile(compute_capability);
  return made.machine_code();
}

std::optional<std::string> why_no_cuda_compiler() {
  return nvrtc().missing.empty() ? std::nullopt : std::optional(nvrtc().missing);
}

}  // namespace millrace::device
