#pragma once

#include <string>

#include "millrace/packing/plan.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::packing {

/// The folder that shards are packed into, which one packer has at a time: another waits for it a few seconds, since
/// one that was stopped needs a moment to end, and then gives up. The kernel takes the lock back when its packer dies.
/// On a file system without locks nobody is kept out.
class PackingFolder {
 public:
  /// Makes the folder, where its parent is there, and locks it. Removes what a packer that was killed left of shards of
  /// this plan under passing names. Throws std::runtime_error when another one has it, SyscallError.
  explicit PackingFolder(const Plan& plan);
  ~PackingFolder();
  PackingFolder(const PackingFolder&) = delete;
  PackingFolder& operator=(const PackingFolder&) = delete;

 private:
  void remove_passing_files() const;

  const Plan& plan_;
  OwnedFd lock_;
};

}  // namespace millrace::packing
