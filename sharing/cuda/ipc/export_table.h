#pragma once

#include <c10/core/Storage.h>

#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "millrace/sharing/cuda/ipc/allocation.h"
#include "millrace/sharing/cuda/ipc/export_ledger.h"
#include "millrace/sharing/cuda/ipc/token.h"

namespace millrace::cuda {

/// What travels of a storage that another process may have open.
struct StorageTicket {
  std::shared_ptr<const HeldAllocation> allocation;
  uint64_t offset = 0;  ///< The storage's offset in the allocation.
  IpcToken token;
};

/// The storages of this process that others may have open.
///
/// A storage is exported once, and its DataPtr then becomes ours. When the storage lets go of it, the memory goes back
/// to its allocator at once if nobody has the token, and is parked here otherwise. Thread-safe, also across fork(): a
/// child has none of its parent's exports and frees nothing of them.
class ExportTable {
 public:
  static ExportTable& instance();

  /// Exports a storage. REQUIRES: it is one of this process on a CUDA device, with bytes. Throws as find_allocation().
  StorageTicket export_storage(const c10::Storage& storage);

  /// The storage of a token that came back to its producer; nullopt when the token is another process's. It is the
  /// storage that was sent or, if that is gone, a new one of the same memory.
  std::optional<c10::Storage> find_or_revive(const IpcToken& token);

  /// Frees parked memory that is in use nowhere. False when nothing is parked any more.
  bool collect();

  Tally exported() const;
  Tally parked() const;

  /// The memory that other processes would lose if this one ended.
  Tally at_stake() const;

 private:
  struct Export;
  struct Owner;
  using Freed = std::vector<Export>;

  ExportTable();

  static void release(void* owner);
  void release(uint64_t id);
  c10::DataPtr data_ptr_of(uint64_t id, void* data, c10::Device device) const;
  void forget(const Freed& freed);
  void after_fork_in_child();

  mutable std::mutex mutex_;  // Protects all that follows.
  ExportLedger<Export> ledger_;
  std::map<const void*, uint64_t> ids_;  // By token.
};

}  // namespace millrace::cuda
