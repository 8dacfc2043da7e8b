#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// The process at the other end is gone, or has closed its end.
class PeerGone : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A message as it arrived: its bytes, and the descriptors that travelled with it, now ours.
struct Message {
  std::vector<std::byte> bytes;
  std::vector<OwnedFd> fds;
};

/// One end of a socket pair that keeps message borders (SOCK_SEQPACKET) and carries file descriptors.
///
/// Thread safety: send() and receive() may run at the same time on different threads, and from several processes that
/// hold copies of the end; each message goes to one receiver, whole.
///
/// If a process dies here: a message is either sent or not, never half; descriptors inside an undelivered message are
/// closed by the kernel when the socket goes; the other end sees end of file, or PeerGone when it sends.
///
/// Messages above 64 KiB travel as a memfd, so their size is bounded by memory only.
class FdSocket {
 public:
  FdSocket() = default;
  explicit FdSocket(OwnedFd fd) : fd_(std::move(fd)) {}

  static std::pair<FdSocket, FdSocket> pair();

  /// At most this many descriptors in one message; the kernel's own limit is 253.
  static constexpr size_t kMaxFds = 250;

  /// Sends one message; blocks while the socket's buffer is full. The descriptors stay the caller's. Throws PeerGone.
  void send(std::span<const std::byte> bytes, std::span<const int> fds = {}) const;

  /// The next message; waits for it. nullopt at end of file.
  std::optional<Message> receive() const;

  /// As receive(), but throws std::runtime_error naming `what` when nothing came within `timeout`.
  std::optional<Message> receive(std::chrono::nanoseconds timeout, const char* what) const;

  int fd() const { return fd_.get(); }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  void close() { fd_.reset(); }
  OwnedFd take() { return std::move(fd_); }

 private:
  OwnedFd fd_;
};

}  // namespace millrace
