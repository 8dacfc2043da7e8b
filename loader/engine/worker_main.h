#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// A worker process, as start_child() calls it: builds its dataset, answers what the trainer asks, and reads from the
/// board that it is attached to until that says stop. Ends when the trainer is gone. See worker_protocol.h.
int worker_main(std::span<const std::byte> arguments, std::vector<OwnedFd> fds);

}  // namespace millrace
