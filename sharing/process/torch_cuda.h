#pragma once

#include <string>

namespace millrace {

/// What became of LibTorch's CUDA part in this process.
struct TorchCuda {
  enum class State {
    kNotWanted,  ///< No LibTorch in this program, no CUDA driver on this machine, or MILLRACE_CUDA_DRIVER names one.
    kLoaded,
    kFailed,
  };
  State state = State::kNotWanted;
  std::string text;  ///< A sentence for the user.
};

/// Loads libtorch_cuda.so from the directory of libtorch_cpu.so where there is a CUDA driver; later calls say what the
/// first one did. Millrace links libtorch_cpu alone, so that one program serves machines with and without a GPU.
///
/// init() calls this, since LibTorch remembers that it has no CUDA once it was asked before the loading. Loading
/// registers operators and initialises no driver: a process may fork afterwards.
const TorchCuda& load_torch_cuda();

namespace detail {

/// Loads `name` from the directory of the library `neighbour`, for everybody in the process. Gives kNotWanted when
/// `neighbour` is not loaded.
TorchCuda load_beside(const std::string& neighbour, const std::string& name);

}  // namespace detail
}  // namespace millrace
