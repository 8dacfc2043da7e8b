#pragma once

#include <optional>
#include <string>

namespace millrace::cuda {

/// The place of the MPS server through which this process's CUDA work goes; nullopt without one. It is what
/// CUDA_MPS_PIPE_DIRECTORY says or, without that, the usual place, if there is a server's control pipe that belongs to
/// root or to this user. Uses no CUDA.
std::optional<std::string> mps_pipe_directory(const std::string& usual = "/tmp/nvidia-mps");

}  // namespace millrace::cuda
