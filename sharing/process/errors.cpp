#include "millrace/sharing/process/errors.h"

#include <string>

namespace millrace {

ForkServerStopped::ForkServerStopped(pid_t server)
    : std::runtime_error("the fork server (process " + std::to_string(server) +
                         ") is stopped, by SIGSTOP or a debugger, and starts no process: continue it (kill -CONT " +
                         std::to_string(server) + ")") {}

}  // namespace millrace
