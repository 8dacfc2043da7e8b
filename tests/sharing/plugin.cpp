// A shared library that a test loads after the fork server has started.

#include <cstddef>
#include <span>
#include <vector>

#include "millrace/sharing/os/owned_fd.h"

extern "C" int plugin_entry(std::span<const std::byte>, std::vector<millrace::OwnedFd>) { return 77; }
