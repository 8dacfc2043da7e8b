#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <vector>

#include "millrace/sharing/os/deadline.h"

struct pollfd;

namespace millrace::multiprocessing {

/// Anything that wait() can wait for: a descriptor's number, or an object that has one, under the name `fileno()`
/// (connections), `sentinel()` (processes), `fd()` (pidfds, event descriptors), or has two as `filenos()` (queues). The
/// object is borrowed.
class Waitable {
 public:
  Waitable(int fd) : fds_{fd, kNone} {}

  template <class T>
    requires requires(const T& t) {
      { t.fileno() } -> std::same_as<int>;
    }
  Waitable(const T& object) : fds_{object.fileno(), kNone} {}

  template <class T>
    requires requires(const T& t) {
      { t.sentinel() } -> std::same_as<int>;
    }
  Waitable(const T& process) : fds_{process.sentinel(), kNone} {}

  template <class T>
    requires requires(const T& t) {
      { t.fd() } -> std::same_as<int>;
    }
  Waitable(const T& object) : fds_{object.fd(), kNone} {}

  template <class T>
    requires requires(const T& t) {
      { t.filenos() } -> std::same_as<std::array<int, 2>>;
    }
  Waitable(const T& queue) : fds_(queue.filenos()) {}

  /// The descriptors to wait for: the object is ready when one of them is readable.
  const std::array<int, 2>& fds() const { return fds_; }

 private:
  static constexpr int kNone = -1;  // poll() ignores it.

  std::array<int, 2> fds_;
};

/// Waits until at least one of `objects` is ready, at most `timeout` (nullopt: for ever): a connection or a queue has a
/// message, a connection has reached end of file, a process has ended. Gives the indexes of all that are ready,
/// ascending; none when the timeout passed. Python's multiprocessing.connection.wait().
///
/// Another process may be faster: after wait() a get_nowait() may find the message gone.
///
/// Throws std::invalid_argument when there is nothing to wait for and no timeout. Thread-safe.
std::vector<size_t> wait(std::span<const Waitable> objects, Timeout timeout = std::nullopt);
std::vector<size_t> wait(std::initializer_list<Waitable> objects, Timeout timeout = std::nullopt);

namespace detail {

/// Calls poll() until the deadline, and goes on after signals. Gives the number of ready descriptors.
int poll_until(std::span<pollfd> watched, const Deadline& deadline);

}  // namespace detail
}  // namespace millrace::multiprocessing
