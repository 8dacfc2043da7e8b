#pragma once

#include "millrace/sharing/cuda/ipc/export_ledger.h"
#include "millrace/sharing/memory/shared_block.h"

namespace millrace::cuda {

/// A small shared block that stands for one exported storage: whoever has the token may use the storage's memory. The
/// kernel knows who has it, as for every SharedBlock: a process, or a message on its way. A token whose holder was
/// killed, or that was in a message that nobody read, is given back like any other.
///
/// The block's content says only how careful its producer has to be: each process notes there when it opens the memory
/// and when it has closed it, so that a death in between is known.
///
/// A handle: copies are the same token. Thread-safe.
class IpcToken {
 public:
  IpcToken() = default;

  /// Makes a token. Throws OutOfSharedMemory or SyscallError.
  static IpcToken make();

  /// Who has the token, for its producer. kHeld when the kernel does not say. kGivenBack and kLost are final until the
  /// token is sent again.
  ExportUse use() const noexcept;

  void note_opened() const;
  void note_closed() const;

  /// An address that tells tokens apart in a process, while some copy is there.
  const void* id() const { return block_.data(); }

  template <class Archive>
  void serialize(Archive& archive) {
    archive(block_);
  }

 private:
  struct Notes;
  Notes& notes() const;

  SharedBlock block_;
};

}  // namespace millrace::cuda
