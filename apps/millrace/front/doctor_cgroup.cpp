#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <optional>
#include <string>

#include "millrace/apps/millrace/front/host_checks.h"
#include "millrace/sharing/memory/probe.h"
#include "millrace/sharing/os/cgroup.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/processors.h"

namespace millrace::apps {
namespace {

std::string one_digit(double value) {
  std::array<char, 32> text;
  std::snprintf(text.data(), text.size(), "%.1f", value);
  return text.data();
}

std::optional<uint64_t> number_in(const std::string& path) {
  std::ifstream file(path);
  uint64_t number = 0;
  if (file >> number) return number;
  return std::nullopt;  // There is no such file, or it says "max".
}

// A counter of a file with lines "name number".
uint64_t counter(const std::string& path, const std::string& name) {
  std::ifstream file(path);
  std::string key;
  uint64_t number = 0;
  while (file >> key >> number)
    if (key == name) return number;
  return 0;
}

Check check_cores(const Processors& cores) {
  Check check{"cores", Verdict::kOk, std::to_string(cores.allowed) + " of " + std::to_string(cores.online), "", false};
  if (cores.quota && *cores.quota < cores.allowed) {
    check.verdict = Verdict::kLimited;
    check.text += ", of which the cgroup allows " + one_digit(*cores.quota);
    check.cure = "Set loader.num_workers to " + std::to_string(cores.usable()) +
                 ", or give the container more: docker run --cpus=" + std::to_string(cores.allowed) +
                 ", in Kubernetes resources.limits.cpu, for a service of systemd CPUQuota=";
  } else if (cores.allowed < cores.online) {
    check.verdict = Verdict::kLimited;
    check.cure = "The affinity of this process leaves the others out (taskset, a batch system): taskset -cp 0-" +
                 std::to_string(cores.online - 1) + " PID, in Slurm --cpus-per-task, docker run --cpuset-cpus";
  }
  return check;
}

// In how many periods processes had to wait, since the container was started. Nothing where no group counts them.
std::optional<Check> check_throttling(const std::string& root) {
  constexpr uint64_t kLeastPeriods = 100;  // Ten seconds of work; fewer say nothing.
  for (const Cgroup& group : cgroups_of("cpu", root)) {
    const uint64_t periods = counter(group.path + "/cpu.stat", "nr_periods");
    const uint64_t throttled = counter(group.path + "/cpu.stat", "nr_throttled");
    if (periods < kLeastPeriods) continue;
    const auto percent = static_cast<int>(std::lround(100.0 * static_cast<double>(throttled) / double(periods)));
    Check check{"cpu quota", Verdict::kOk,
                "the cgroup stopped its processes in " + std::to_string(percent) + " % of " + std::to_string(periods) +
                    " periods",
                "", false};
    if (percent < 5) return check;
    check.verdict = Verdict::kLimited;
    check.cure =
        "More threads and workers run than the quota pays for, and all of them stand still for the rest of a period: "
        "fewer workers (loader.num_workers), OMP_NUM_THREADS, or a larger quota (docker run --cpus)";
    return check;
  }
  return std::nullopt;
}

Check check_room(const std::string& root) {
  const auto room = memory_room(root);
  if (!room) return {"memory", Verdict::kLimited, "/proc/meminfo cannot be read", "Mount /proc", false};
  Check check{"memory", Verdict::kOk, gib(static_cast<double>(room->bytes)) + " left, by " + room->limited_by, "",
              false};
  if (room->bytes >= size_t{1} << 30) return check;
  check.verdict = Verdict::kLimited;
  check.cure =
      "Smaller batches or fewer of them (loader.batch_size, loader.prefetch), fewer workers, or more for the "
      "container: "
      "docker run --memory, in Kubernetes resources.limits.memory, for a service of systemd MemoryMax=";
  return check;
}

// The smallest limit of the groups that this process is in; 2^60 and more stand for none in version 1.
std::optional<uint64_t> memory_limit(const std::string& root) {
  constexpr uint64_t kNone = uint64_t{1} << 60;
  std::optional<uint64_t> smallest;
  for (const Cgroup& group : cgroups_of("memory", root)) {
    const auto limit = number_in(group.path + (group.unified ? "/memory.max" : "/memory.limit_in_bytes"));
    if (limit && *limit < smallest.value_or(kNone)) smallest = *limit;
  }
  return smallest;
}

uint64_t killed_by_limit(const std::string& root) {
  uint64_t killed = 0;
  for (const Cgroup& group : cgroups_of("memory", root))
    killed =
        std::max(killed, counter(group.path + (group.unified ? "/memory.events" : "/memory.oom_control"), "oom_kill"));
  return killed;
}

Check check_limit(const std::string& root) {
  const auto limit = memory_limit(root);
  Check check{"memory limit", Verdict::kOk,
              limit ? gib(static_cast<double>(*limit)) + " for the container (cgroup)" : "none", "", false};
  const uint64_t killed = killed_by_limit(root);
  if (killed == 0) return check;
  check.verdict = Verdict::kLimited;
  check.text += "; the kernel killed " + counted(killed, "process") + " that went beyond it";
  check.cure =
      "A worker that is killed is replaced and its samples are read again, the trainer is not. The batches, the files "
      "that are held in memory and pinned pages all count: raise the limit (docker run --memory) or use less";
  return check;
}

}  // namespace

std::vector<Check> check_cpu(const std::string& root) {
  std::vector<Check> checks{check_cores(processors(root))};
  if (auto throttling = check_throttling(root)) checks.push_back(*throttling);
  return checks;
}

std::vector<Check> check_memory(const std::string& root) { return {check_room(root), check_limit(root)}; }

}  // namespace millrace::apps
