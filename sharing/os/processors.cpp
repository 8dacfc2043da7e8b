#include "millrace/sharing/os/processors.h"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "millrace/sharing/os/cgroup.h"

namespace millrace {
namespace {

// Not read from "max" and "-1", which say that there is no limit.
std::optional<double> quota_of(const Cgroup& group) {
  std::ifstream quotas(group.path + (group.unified ? "/cpu.max" : "/cpu.cfs_quota_us"));
  std::ifstream periods(group.path + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (!(quotas >> quota) || !((group.unified ? quotas : periods) >> period)) return std::nullopt;
  if (quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

}  // namespace

int Processors::usable() const {
  const double most = quota ? std::min<double>(allowed, std::ceil(*quota)) : allowed;
  return std::max(1, static_cast<int>(most));
}

Processors processors(const std::string& root) {
  Processors found;
  found.online = found.allowed = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) found.allowed = CPU_COUNT(&set);
  for (const Cgroup& group : cgroups_of("cpu", root))
    if (const auto quota = quota_of(group); quota && (!found.quota || *quota < *found.quota)) found.quota = quota;
  return found;
}

}  // namespace millrace
