#pragma once

#include <sys/types.h>

#include <stdexcept>

namespace millrace {

/// The fork server is stopped, by SIGSTOP or a debugger, and can start nothing until it is continued.
class ForkServerStopped : public std::runtime_error {
 public:
  explicit ForkServerStopped(pid_t server);
};

/// The fork server cannot fork, because libraries or tools run threads in it. The text names them and the cures.
/// Processes of the other start methods can be started all the same.
class ServerHasThreads : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace millrace
