#pragma once

#include <sys/types.h>

#include <vector>

namespace millrace::apps {

/// User and system time of this process (all its threads) and of the processes given, in seconds. The time of the
/// others has a resolution of a clock tick, 10 ms; a process that has ended counts nothing.
double cpu_seconds(const std::vector<pid_t>& others);

/// How long those processes' first threads had work and no processor, in seconds. 0 where the kernel does not say.
double run_queue_seconds(const std::vector<pid_t>& pids);

/// Proportional set size in MB (2^20 bytes): a page that n processes share counts 1/n for each. 0 when the process has
/// ended.
double pss_mb(pid_t pid);
double pss_mb(const std::vector<pid_t>& pids);

}  // namespace millrace::apps
