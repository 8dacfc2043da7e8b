#pragma once

#include <chrono>
#include <optional>

#include "millrace/sharing/os/deadline.h"

namespace millrace {

/// True once `fd` is readable or has hung up; false when `timeout` passed first (nullopt: no limit). After a signal the
/// wait goes on with the time that is left.
bool poll_readable(int fd, Timeout timeout);

}  // namespace millrace
