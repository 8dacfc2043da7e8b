#pragma once

#include <string>
#include <vector>

namespace millrace::apps {

enum class Verdict { kOk, kLimited, kNotAvailable };

/// One thing that this machine can do, can do in part, or cannot do.
struct Check {
  std::string name;
  Verdict verdict = Verdict::kOk;
  std::string text;     ///< What was found.
  std::string cure;     ///< What to do about it; empty where there is nothing to do.
  bool needed = false;  ///< The loader cannot run without it.
};

/// Processors, memory, descriptors, processes, LibTorch.
std::vector<Check> check_host();

/// The CUDA driver and what each device can do, tried for real. One line where there is none.
std::vector<Check> check_cuda();

/// `millrace doctor`: prints what this machine can do and what limits it, a line a check or, with `json`, one line of
/// JSON. Whether the loader can run here at all.
bool doctor(bool json);

}  // namespace millrace::apps
