#pragma once

#include <sys/types.h>

#include <stdexcept>

namespace millrace::cuda {

/// A tensor was received, or was to be sent on, whose producer has ended, and with it the memory.
class CudaProducerDied : public std::runtime_error {
 public:
  explicit CudaProducerDied(pid_t pid);
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

}  // namespace millrace::cuda
