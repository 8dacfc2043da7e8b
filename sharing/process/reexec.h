#pragma once

#include <sys/types.h>

#include <utility>

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/pidfd.h"

namespace millrace::detail {

/// Executes this program again as a child of this process and returns its pid and a socket to it. The child's init()
/// takes the other end, receives a ChildRequest over it and runs that. Throws std::logic_error when main() does not
/// call init(), SyscallError.
std::pair<pid_t, FdSocket> execute_child();

/// A fork server that is this program executed again.
///
/// An executed program is a child of the usual kind, which the program's own wait() would find. So the server is the
/// child of another process, the keeper: a hidden fork of ours that waits for the server and ends with it.
struct ExecutedServer {
  pid_t pid = 0;
  PidFd process;
  PidFd keeper;  ///< Parent of the server, to be reaped when the server has ended.
  FdSocket socket;
};

/// Executes this program again as a fork server. Throws as execute_child().
ExecutedServer execute_server();

/// Does what this program was executed for, if execute_child() or execute_server() executed it, and does not return.
/// Otherwise does nothing.
void become_reexec_role();

}  // namespace millrace::detail
