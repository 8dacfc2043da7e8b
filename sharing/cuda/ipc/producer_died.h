#pragma once

#include <sys/types.h>

#include <stdexcept>

namespace millrace::cuda {

/// A tensor was received, or was to be sent on, whose producer has ended. Its memory ended with it.
class CudaProducerDied : public std::runtime_error {
 public:
  explicit CudaProducerDied(pid_t pid);
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

}  // namespace millrace::cuda
