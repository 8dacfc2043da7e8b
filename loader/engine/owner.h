#pragma once

#include <sys/types.h>

#include <stdexcept>
#include <string>

#include "millrace/sharing/os/own_pid.h"

namespace millrace {

/// The process that made a loader, and that has the loader's workers. A process that was forked from it has a copy of
/// the loader's notes, but whatever that process opened and took would be missing here.
class Owner {
 public:
  bool is_here() const { return pid_ == own_pid(); }

  /// Throws std::logic_error in any other process.
  void require_here() const {
    if (!is_here())
      throw std::logic_error("this loader belongs to process " + std::to_string(pid_) + ", and process " +
                             std::to_string(own_pid()) +
                             ", which was forked from it, cannot use it: make a loader of its own there");
  }

 private:
  const pid_t pid_ = own_pid();
};

}  // namespace millrace
