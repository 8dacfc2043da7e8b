#include "millrace/sharing/cuda/mps.h"

#include <cstdlib>
#include <filesystem>

namespace millrace::cuda {

std::optional<std::string> mps_pipe_directory() {
  if (const char* const named = ::secure_getenv("CUDA_MPS_PIPE_DIRECTORY")) return named;
  constexpr const char* kUsual = "/tmp/nvidia-mps";
  std::error_code ignored;  // Where we may not look we cannot connect either.
  if (std::filesystem::exists(std::filesystem::path(kUsual) / "control", ignored)) return kUsual;
  return std::nullopt;
}

}  // namespace millrace::cuda
