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

/// What travels of a storage in another process's reach.
struct StorageTicket {
  std::shared_ptr<const HeldAllocation> allocation;
  uint64_t offset = 0;  ///< Of the storage in the allocation.
  IpcToken token;
};

/// The storages of this process that others may have open.
///
/// A storage is exported once. Its DataPtr then becomes ours: when the storage lets go of it, the memory goes back to
/// its allocator at once if nobody has the token, and is parked here otherwise. Thread-safe, also across fork(): a
/// child has none of its parent's exports and frees nothing of them.
class ExportTable {
 public:
  static ExportTable& instance();

  /// REQUIRES: a storage of this process on a CUDA device, with bytes. Throws as find_allocation().
  StorageTicket export_storage(const c10::Storage& storage);

  /// The storage of a token that came back to its producer; nullopt when it is another process's. It is the storage
  /// that was sent, or a new one of the same memory if that is gone.
  std::optional<c10::Storage> find_or_revive(const IpcToken& token);

  /// Frees what is parked and in use nowhere. False when nothing is parked any more.
  bool collect();

  Tally exported() const;
  Tally parked() const;

  /// What others would lose if this process ended.
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

  mutable std::mutex mutex_;  // Protects the rest.
  ExportLedger<Export> ledger_;
  std::map<const void*, uint64_t> ids_;  // By token.
};

}  // namespace millrace::cuda
