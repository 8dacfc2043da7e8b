#pragma once

#include <string>
#include <vector>

namespace millrace {

/// The folder of a control group that limits this process: its own, or one above it.
struct Cgroup {
  std::string path;
  bool unified = true;  ///< Version 2, where all controllers share one tree.
};

/// Where the limits of `controller` ("memory", "pids") stand, in both versions. `root` stands in for "/" in tests.
std::vector<Cgroup> cgroups_of(const std::string& controller, const std::string& root = "");

}  // namespace millrace
