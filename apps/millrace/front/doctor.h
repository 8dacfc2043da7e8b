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
  bool needed = false;  ///< Whether the loader cannot run without it.
};

/// Checks what the kernel tells without starting anything: processors, memory, limits, the container, GPUs. `root`
/// stands in for "/" in tests, where the kernel's files are.
std::vector<Check> check_host(const std::string& root = "");

/// The check that stands in for those of LibTorch's part of the program, where that could not be loaded.
Check libtorch_not_loaded();

/// Prints a line a check or, with `json`, one line of JSON. Gives the program's exit code: whether the loader can run
/// here.
int report(const std::vector<Check>& checks, bool json);

}  // namespace millrace::apps
