#pragma once

#include <sys/types.h>

#include <mutex>
#include <optional>
#include <string>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/process/child.h"
#include "millrace/sharing/process/function_ref.h"

namespace millrace {

/// A child to start, as it travels to the fork server or to a program executed afresh. The descriptors travel beside it.
struct ChildRequest {
  FunctionRef entry;
  std::vector<std::byte> arguments;
  std::string name;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(entry, name, arguments);
  }
};

/// The client side of the fork server: a single-threaded process that forks children on request, reaps them and reports
/// how they ended.
///
/// Thread safety: start() may be called from any thread.
///
/// If the server dies, its children die with it (their Child objects report it) and the next start() brings up a new
/// server by executing this program afresh, since by then this process may have threads and CUDA.
/// If this process dies, the server sees end of file, ends its children (SIGTERM, a second later SIGKILL), reaps them and
/// exits.
class ForkServer {
 public:
  /// Forks the server from this process. REQUIRES: no other thread exists. Called by init().
  static void fork_early();

  /// The server of this process; started afresh where there is none (any more).
  static ForkServer& instance();

  Child start(const ChildRequest& request, std::span<const int> fds);

  /// Its process id, for tests and diagnostics.
  pid_t pid();

  /// Closes a forked child's copy of the connection, so that the server sees the trainer's end as it comes.
  static void forget_in_child();

 private:
  ForkServer() = default;

  void connect();
  void launch();

  std::mutex mutex_;
  FdSocket socket_;
  pid_t pid_ = 0;
};

namespace detail {

/// The server's whole life. Returns when the client is gone and every child reaped.
void serve_forks(FdSocket client, pid_t client_pid);

}  // namespace detail
}  // namespace millrace
