#pragma once

#include <sys/types.h>

#include <cstdint>
#include <utility>

#include "millrace/sharing/channel/fd_socket.h"

namespace millrace::detail {

/// What a program executed afresh is to become once its main() reaches init().
enum class ReexecRole : uint8_t { kForkServer, kChild };

/// Executes this program again and returns its pid and a socket to it, over which the role has been sent. Its init()
/// takes the other end and does not return. Throws std::logic_error when main() does not call init().
std::pair<pid_t, FdSocket> reexec(ReexecRole role);

/// In a program that reexec() started: becomes what it was started for and does not return. Otherwise does nothing.
void become_reexec_role();

}  // namespace millrace::detail
