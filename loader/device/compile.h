#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace millrace::device {

/// CUDA C++ cannot be compiled here. what() says why, and what helps.
class CannotCompile : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct SourceText {
  std::string name;  ///< The name by which others include it.
  std::string text;
};

/// Machine code of a CUDA C++ program for devices of one compute capability (90 for 9.0), made by NVRTC, NVIDIA's
/// compiler as a library. NVRTC is found at run time: the one that the environment variable MILLRACE_NVRTC names, else
/// the one of the CUDA wheels that LibTorch came with, or of a CUDA toolkit. Takes some 100 ms. Throws CannotCompile.
/// Thread-safe.
std::vector<char> compile_cuda(const SourceText& program, const std::vector<SourceText>& headers,
                               int compute_capability);

/// Why compile_cuda() would find no compiler; nullopt when it finds one.
std::optional<std::string> why_no_cuda_compiler();

}  // namespace millrace::device
