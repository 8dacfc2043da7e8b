#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>
#include <utility>

#include "millrace/apps/millrace/front/doctor.h"
#include "millrace/apps/millrace/front/host_checks.h"
#include "millrace/sharing/os/limits.h"

namespace millrace::apps {
namespace {

Check check_kernel() {
  struct utsname system{};
  ::uname(&system);
  int major = 0;
  int minor = 0;
  std::sscanf(system.release, "%d.%d", &major, &minor);
  Check check{"kernel", Verdict::kOk, std::string(system.sysname) + " " + system.release + ", " + system.machine, "",
              true};
  if (major > 5 || (major == 5 && minor >= 10)) return check;
  check.verdict = Verdict::kNotAvailable;
  check.cure = "Millrace needs Linux 5.10 or later";
  return check;
}

// Of use to tensors that are shared by SharingStrategy::kFileSystem alone.
Check check_dev_shm() {
  struct statvfs status{};
  if (::statvfs("/dev/shm", &status) != 0)
    return {"/dev/shm", Verdict::kLimited, "is not there", "Mount a tmpfs at /dev/shm", false};
  return {"/dev/shm", Verdict::kOk,
          gib(static_cast<double>(status.f_bavail) * static_cast<double>(status.f_frsize)) +
              " free; loaders do not need it",
          "", false};
}

Check check_open_files() {
  struct rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  Check check{"open files", Verdict::kOk, std::to_string(limit.rlim_cur) + " allowed", "", false};
  if (limit.rlim_cur >= 1024) return check;
  check.verdict = Verdict::kLimited;
  check.cure = "A loader of 32 workers needs 256, and tensors in queues take more: raise it (ulimit -n)";
  return check;
}

// What each process may use of something (ulimit); nullopt: no limit.
std::optional<rlim_t> limit_on(int resource) {
  struct rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

Check check_file_size() {
  const auto limit = limit_on(RLIMIT_FSIZE);
  if (!limit) return {"file size", Verdict::kOk, "no limit", "", false};
  return {"file size", Verdict::kLimited, std::to_string(*limit) + " bytes, for shared memory too",
          "The batches of a loader are one piece of shared memory: raise it (ulimit -f)", false};
}

Check check_address_space() {
  const auto limit = limit_on(RLIMIT_AS);
  if (!limit) return {"address space", Verdict::kOk, "no limit", "", false};
  return {
      "address space", Verdict::kLimited, gib(static_cast<double>(*limit)) + " for each process",
      "LibTorch's libraries and all shared memory count: raise it (ulimit -v), and limit memory by a cgroup instead",
      false};
}

// How many processes and threads there may be, with the word for who says so.
std::pair<std::optional<rlim_t>, std::string> limit_on_processes(const std::string& root) {
  std::pair<std::optional<rlim_t>, std::string> smallest{std::nullopt, "ulimit -u"};
  if (::geteuid() != 0) smallest.first = limit_on(RLIMIT_NPROC);  // It does not hold for root.
  const auto pids = limit_of_pids(root);
  if (pids && (!smallest.first || *pids < *smallest.first)) smallest = {*pids, "pids.max of the cgroup"};
  return smallest;
}

Check check_processes(const std::string& root) {
  const auto [limit, name] = limit_on_processes(root);
  if (!limit) return {"processes", Verdict::kOk, "no limit", "", false};
  Check check{"processes", Verdict::kOk, std::to_string(*limit) + " allowed, threads included (" + name + ")", "",
              false};
  if (*limit >= 1024) return check;
  check.verdict = Verdict::kLimited;
  check.cure =
      "Each worker is a process, and LibTorch starts as many threads as there are cores: raise it (" + name + ")";
  return check;
}

// A container has its own view of processes and devices; the others are seen by what they leave in the root.
Check check_container(const std::string& root) {
  for (const char* mark : {"/.dockerenv", "/run/.containerenv"})
    if (::access((root + mark).c_str(), F_OK) == 0)
      return {"container", Verdict::kOk,
              "this is one; processes that share CUDA memory have to be in one PID namespace", "", false};
  return {"container", Verdict::kOk, "none found", "", false};
}

}  // namespace

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string gib(double bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f GiB", bytes / (1 << 30));
  return text;
}

std::vector<Check> check_host(const std::string& root) {
  std::vector<Check> checks{check_kernel()};
  for (const auto part : {check_cpu, check_memory}) std::ranges::move(part(root), std::back_inserter(checks));
  checks.push_back(check_dev_shm());
  std::ranges::move(check_huge_pages(root), std::back_inserter(checks));
  for (const auto check : {check_open_files, check_file_size, check_address_space}) checks.push_back(check());
  checks.push_back(check_processes(root));
  checks.push_back(check_container(root));
  for (const auto part : {check_seccomp, check_gpu}) std::ranges::move(part(root), std::back_inserter(checks));
  return checks;
}

Check libtorch_not_loaded() {
  Check check{"LibTorch", Verdict::kNotAvailable, "its libraries cannot be loaded", "", true};
  check.cure = limit_on(RLIMIT_AS) ? "Give the program more address space (ulimit -v)"
                                   : "Install Millrace and LibTorch again, and see what the loader wrote";
  return check;
}

}  // namespace millrace::apps
