#include "millrace/sharing/os/limits.h"

#include <sys/resource.h>

#include <cerrno>
#include <fstream>
#include <new>

#include "millrace/sharing/os/cgroup.h"

namespace millrace {
namespace {

// The limit on a resource; nullopt where it is unlimited.
std::optional<uint64_t> limit_on(int resource) {
  rlimit limit{};
  if (::getrlimit(resource, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return std::nullopt;
  return limit.rlim_cur;
}

std::string sentence(int resource, const char* before, const char* after, const char* option) {
  const auto limit = limit_on(resource);
  if (!limit) return {};
  return std::string("; ") + before + std::to_string(*limit) + after + ": start it with a higher limit (ulimit " +
         option + ")";
}

std::string limit_on_memory() {
  return sentence(RLIMIT_AS, "this process may map ", " bytes of memory", "-v") +
         sentence(RLIMIT_DATA, "this process may have ", " bytes of memory of its own", "-d");
}

}  // namespace

std::string limit_behind(int error) {
  switch (error) {
    case EMFILE:
      return sentence(RLIMIT_NOFILE, "this process may have ", " files open", "-n");
    case ENFILE:
      return "; as many files are open as this machine allows: raise fs.file-max";
    case EFBIG:
      return sentence(RLIMIT_FSIZE, "this process may make files and shared memory of ", " bytes", "-f");
    case ENOMEM:
      return limit_on_memory();
    default:
      return {};
  }
}

std::string limit_behind_start(int error) {
  if (error != EAGAIN) return limit_behind(error);
  // Too little room for a thread's stack is the same error.
  std::string set = sentence(RLIMIT_NPROC, "this user may have ", " processes and threads", "-u") + limit_on_memory();
  if (const auto pids = limit_of_pids())
    set +=
        "; this container may have " + std::to_string(*pids) + " processes and threads: raise pids.max of its cgroup";
  return set.empty() ? "; the machine allows no more processes and threads: raise kernel.pid_max" : set;
}

std::optional<uint64_t> limit_of_pids(const std::string& root) {
  std::optional<uint64_t> smallest;
  for (const auto& group : cgroups_of("pids", root)) {
    std::ifstream file(group.path + "/pids.max");
    uint64_t limit = 0;  // Not read from "max", which is no number.
    if (file >> limit && (!smallest || limit < *smallest)) smallest = limit;
  }
  return smallest;
}

std::string text_with_limit(const std::exception& error) {
  const bool no_memory = dynamic_cast<const std::bad_alloc*>(&error) != nullptr;
  return error.what() + (no_memory ? limit_behind(ENOMEM) : std::string());
}

std::optional<uint64_t> limit_of_file_size() { return limit_on(RLIMIT_FSIZE); }

}  // namespace millrace
