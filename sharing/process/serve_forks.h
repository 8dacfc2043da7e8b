#pragma once

#include "millrace/sharing/channel/fd_socket.h"
#include "millrace/sharing/os/pidfd.h"

namespace millrace::detail {

/// Runs the fork server from start to end: forks a child for each ChildRequest that comes from `client`, and answers
/// with a ChildReply. Returns when the client is gone and every child reaped.
void serve_forks(FdSocket client, PidFd client_process);

}  // namespace millrace::detail
