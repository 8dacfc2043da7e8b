#pragma once

#include <utility>

#include "millrace/sharing/channel/connection.h"

namespace millrace::multiprocessing {

/// Two connected ends: `auto [a, b] = mp::Pipe();`. Both send and receive; with `duplex` false the first only receives
/// and the second only sends. Throws SyscallError when there are no descriptors left.
std::pair<Connection, Connection> Pipe(bool duplex = true);

}  // namespace millrace::multiprocessing
