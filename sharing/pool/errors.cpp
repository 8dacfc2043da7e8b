#include "millrace/sharing/pool/errors.h"

#include "millrace/sharing/process/exit_status.h"

namespace millrace::multiprocessing {
namespace {

std::string how_it_ended(int exitcode) {
  return exitcode < 0 ? "was killed by signal " + std::to_string(-exitcode) + " (" + signal_name(-exitcode) + ")"
                      : "exited with code " + std::to_string(exitcode);
}

}  // namespace

WorkerLost::WorkerLost(pid_t pid, int exitcode, const std::string& call)
    : std::runtime_error("the pool's worker process " + std::to_string(pid) + " " + how_it_ended(exitcode) +
                         " while it ran " + call + "; the call is not repeated, the pool goes on"),
      pid_(pid),
      exitcode_(exitcode),
      call_(std::make_shared<const std::string>(call)) {}

}  // namespace millrace::multiprocessing
