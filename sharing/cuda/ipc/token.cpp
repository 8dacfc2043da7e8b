#include "millrace/sharing/cuda/ipc/token.h"

#include <atomic>
#include <cstdint>
#include <new>

#include "millrace/sharing/os/syscall.h"

namespace millrace::cuda {

// The notes in shared memory. A process that dies between two writes has opened more than it closed.
struct IpcToken::Notes {
  std::atomic<uint64_t> opened = 0;
  std::atomic<uint64_t> closed = 0;
};

IpcToken IpcToken::make() {
  static_assert(std::atomic<uint64_t>::is_always_lock_free);
  IpcToken token;
  token.block_ = SharedBlock::allocate(sizeof(Notes));
  new (token.block_.data()) Notes;
  return token;
}

IpcToken::Notes& IpcToken::notes() const { return *reinterpret_cast<Notes*>(block_.data()); }

ExportUse IpcToken::use() const noexcept {
  try {
    if (block_.used_elsewhere()) return ExportUse::kHeld;
  } catch (const SyscallError&) {
    return ExportUse::kHeld;
  }
  // Nobody has it any more, so nobody writes.
  return notes().opened == notes().closed ? ExportUse::kGivenBack : ExportUse::kLost;
}

void IpcToken::note_opened() const { ++notes().opened; }
void IpcToken::note_closed() const { ++notes().closed; }

}  // namespace millrace::cuda
