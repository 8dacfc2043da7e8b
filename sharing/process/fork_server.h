#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstddef>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/hidden_fork.h"
#include "millrace/sharing/os/owned_fd.h"
#include "millrace/sharing/os/pidfd.h"
#include "millrace/sharing/process/child_request.h"
#include "millrace/sharing/process/errors.h"

namespace millrace {

/// A child that the fork server has made.
struct ServedChild {
  pid_t pid = 0;
  PidFd process;
  OwnedFd status;  ///< Where the server writes how the child ended: an int of waitpid()'s encoding.
};

/// The client side of the fork server: a single-threaded process that forks children on request, reaps them and reports
/// how they ended.
///
/// Thread safety: start() may be called from any thread.
///
/// Where threads exist before init() already, which a fork would leave with locks held for ever, the server is this
/// program executed afresh, when start() first asks for it. If the program then has threads as well, start() throws
/// ServerHasThreads.
///
/// If the server dies, its children die with it (their Child objects report it). The next start() brings up a new
/// server by executing this program afresh, since by then this process may have threads and CUDA.
///
/// If this process dies, the server sees it by a pidfd and by end of file, ends its children (SIGTERM, a second later
/// SIGKILL), reaps them and exits. If this process ends by itself, it has the server end first and reaps it, since an
/// init process that never reaps would keep a zombie. If this process forks, the child has no server until it asks for
/// one.
///
/// wait() and waitpid(-1) do not find the server, and its end sends no SIGCHLD: see fork_hidden().
class ForkServer {
 public:
  /// Forks the server from this process, if no other thread exists and no limit is in the way. Called by init().
  static void fork_early();

  /// The server of this process. Starts one afresh where there is none, or none any more.
  static ForkServer& instance();

  /// Starts a child. Throws ForkServerStopped after a tenth of a second at most, or std::runtime_error with the reason.
  /// A child that a stopped server makes later, when it is continued, is killed by the next call.
  ServedChild start(const ChildRequest& request, std::span<const int> fds);

  /// The server's process id, for tests and diagnostics.
  pid_t pid();

 private:
  ForkServer() = default;
  ForkServer(FdSocket socket, HiddenChild server)
      : socket_(std::move(socket)), pid_(server.pid), process_(std::move(server.process)) {}

  static void forget_in_child();

  void connect();
  void bury();
  static void end_at_process_end() noexcept;
  void end();
  static std::unique_lock<std::mutex> lock_at_process_end(std::mutex& mutex);
  bool is_stopped() const;
  const PidFd& child_of_ours() const { return keeper_ ? keeper_ : process_; }
  void require_not_stopped() const;
  void wait_for_answer() const;
  std::optional<Message> receive_answer();

  std::mutex mutex_;
  FdSocket socket_;  // Empty while there is no server.
  pid_t pid_ = 0;
  PidFd process_;
  PidFd keeper_;                         // Parent of a server executed afresh; empty where the server is our own child.
  size_t unanswered_ = 0;                // Requests sent whose answer has not been read.
  std::atomic<bool> has_ended_ = false;  // Whether this process ends: then no start begins.

  friend struct ProcessForkServer;
};

}  // namespace millrace
