#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

namespace millrace {

/// The entry of a worker process, for start_child(): builds the dataset, answers what the trainer asks, and reads from
/// the board that it is attached to until the board says stop. Ends when the trainer is gone. See worker_protocol.h.
int worker_main(std::span<const std::byte> arguments, std::vector<OwnedFd> fds);

}  // namespace millrace
