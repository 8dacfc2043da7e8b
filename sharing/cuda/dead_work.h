#pragma once

#include <chrono>

namespace millrace::cuda {

/// How long memory that a process was using on a device is left alone once that process is seen to be dead. Work that
/// it had queued may go on until the kernel has torn its context down, and nothing tells when that is done.
///
/// On hardware (docs/gpu_results.md, question 3) a process with a kernel of 1 s in flight was gone 61.4 ms after
/// SIGKILL, and its memory was free 0.2 ms after that at most. The grace is 30 times the whole way, for what was not
/// tried: other devices, much more memory, many deaths at once, a host with no processor to spare. It is also longer
/// than that kernel, had it run to its end. It costs idle memory after a death, and nothing otherwise.
constexpr std::chrono::seconds kDeadWorkGrace{2};

}  // namespace millrace::cuda
