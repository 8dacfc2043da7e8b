#pragma once

#include <cstdint>
#include <string>

namespace millrace {

/// What is wrong with so many workers on so many processors; empty where nothing is. A few times as many workers as
/// processors are no mistake, since workers may wait for a disk or a network.
std::string complaint_about(int64_t workers, int processors);

/// A notice where a loader asks for more workers than make sense on this machine, in this process's cgroup. Only the
/// first such loader of a process, and those that ask for yet more, are told of. Thread-safe.
void warn_of_many_workers(int64_t workers);

}  // namespace millrace
