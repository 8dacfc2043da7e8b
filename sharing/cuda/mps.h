#pragma once

#include <optional>
#include <string>

namespace millrace::cuda {

/// Where the MPS server is reached that CUDA work of this process goes through; nullopt without one. Looks at
/// CUDA_MPS_PIPE_DIRECTORY and, without it, for a server's control pipe at the usual place, which is
/// believed only where it is root's or this user's; uses no CUDA.
std::optional<std::string> mps_pipe_directory(const std::string& usual = "/tmp/nvidia-mps");

}  // namespace millrace::cuda
