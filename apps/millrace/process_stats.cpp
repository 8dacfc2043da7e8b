#include "millrace/apps/millrace/process_stats.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <string>

namespace millrace::apps {
namespace {

double seconds(const timeval& t) { return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec); }

std::string proc_path(pid_t pid, const char* file) { return "/proc/" + std::to_string(pid) + "/" + file; }

double cpu_seconds_of(pid_t pid) {
  std::ifstream stat(proc_path(pid, "stat"));
  std::string line;
  std::getline(stat, line);
  const auto name_end = line.rfind(')');  // The name before it may contain anything.
  if (name_end == std::string::npos) return 0;
  std::istringstream fields(line.substr(name_end + 1));
  std::string skipped;
  for (int i = 0; i < 11; ++i) fields >> skipped;  // State (field 3) to cmajflt (field 13); see proc(5).
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

}  // namespace

double cpu_seconds(const std::vector<pid_t>& others) {
  rusage own{};
  getrusage(RUSAGE_SELF, &own);
  double total = seconds(own.ru_utime) + seconds(own.ru_stime);
  for (const pid_t pid : others) total += cpu_seconds_of(pid);
  return total;
}

double run_queue_seconds(const std::vector<pid_t>& pids) {
  double total = 0;
  for (const pid_t pid : pids) {
    std::ifstream schedstat(proc_path(pid, "schedstat"));  // On a processor, waiting for one, time slices.
    double on = 0;
    double waiting = 0;
    if (schedstat >> on >> waiting) total += 1e-9 * waiting;
  }
  return total;
}

double pss_mb(pid_t pid) {
  std::ifstream rollup(proc_path(pid, "smaps_rollup"));
  std::string line;
  while (std::getline(rollup, line)) {
    std::istringstream words(line);
    std::string name;
    double kib = 0;
    if (words >> name >> kib && name == "Pss:") return kib / 1024;
  }
  return 0;
}

double pss_mb(const std::vector<pid_t>& pids) {
  double total = 0;
  for (const pid_t pid : pids) total += pss_mb(pid);
  return total;
}

}  // namespace millrace::apps
