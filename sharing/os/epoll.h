#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// Waits for any of a set of descriptors to become readable or to hang up. Not thread-safe.
class Epoll {
 public:
  Epoll();

  /// Watches `fd` and reports `key` for it. The caller keeps the descriptor open until remove().
  void add(int fd, uint64_t key);
  void remove(int fd);

  /// Keys of the descriptors that are ready; empty when `timeout` passed or a signal arrived. nullopt waits for ever.
  const std::vector<uint64_t>& wait(Timeout timeout);

 private:
  OwnedFd fd_;
  std::vector<uint64_t> ready_;
};

}  // namespace millrace
