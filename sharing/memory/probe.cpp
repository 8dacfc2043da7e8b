#include "millrace/sharing/memory/probe.h"

#include <algorithm>
#include <fstream>
#include <sstream>

#include "millrace/sharing/os/cgroup.h"

namespace millrace {
namespace {

std::optional<size_t> read_number(const std::string& path) {
  std::ifstream file(path);
  size_t value = 0;
  if (file >> value) return value;
  return std::nullopt;  // No such file, or "max".
}

std::optional<size_t> read_field(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string key;
  size_t value = 0;
  for (std::string line; std::getline(file, line);) {
    std::istringstream in(line);
    if (in >> key >> value && key == name) return value;
  }
  return std::nullopt;
}

void narrow(std::optional<MemoryRoom>& room, size_t bytes, const std::string& by) {
  if (!room || bytes < room->bytes) room = MemoryRoom{bytes, by};
}

// One cgroup's own limit. Page cache that the kernel would drop is counted as usage by the kernel, but is room for us.
void narrow_by_group(std::optional<MemoryRoom>& room, const std::string& directory, const char* limit_file,
                     const char* usage_file, const char* cache_field) {
  const auto limit = read_number(directory + "/" + limit_file);
  const auto usage = read_number(directory + "/" + usage_file);
  if (!limit || !usage) return;
  const size_t reclaimable = read_field(directory + "/memory.stat", cache_field).value_or(0);
  const size_t used = *usage - std::min(*usage, reclaimable);
  narrow(room, *limit - std::min(*limit, used), directory + "/" + limit_file);
}

void narrow_by_groups(std::optional<MemoryRoom>& room, const std::string& root) {
  for (const auto& group : cgroups_of("memory", root)) {
    if (group.unified)
      narrow_by_group(room, group.path, "memory.max", "memory.current", "inactive_file");
    else
      narrow_by_group(room, group.path, "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file");
  }
}

}  // namespace

std::optional<MemoryRoom> memory_room(const std::string& root) {
  std::optional<MemoryRoom> room;
  if (const auto kib = read_field(root + "/proc/meminfo", "MemAvailable:")) narrow(room, *kib * 1024, "MemAvailable");
  narrow_by_groups(room, root);
  return room;
}

}  // namespace millrace
