#pragma once

#include <cstddef>
#include <optional>
#include <string>

namespace millrace {

/// How much memory this process may still take, and who says so.
struct MemoryRoom {
  size_t bytes = 0;        ///< The smallest of the limits found.
  std::string limited_by;  ///< "MemAvailable", or the cgroup file that sets the limit.
};

/// Reads /proc/meminfo and the memory limits of our cgroup (v2, then v1) and of every cgroup above it; nullopt where
/// neither can be read. `root` stands in for "/" in tests.
std::optional<MemoryRoom> memory_room(const std::string& root = "");

}  // namespace millrace
