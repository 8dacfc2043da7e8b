#pragma once

#include <c10/core/Storage.h>

#include <map>
#include <mutex>
#include <optional>

#include "millrace/sharing/cuda/fence.h"
#include "millrace/sharing/cuda/ipc/export_table.h"
#include "millrace/sharing/cuda/ipc/import_ledger.h"

namespace millrace::cuda {

/// The storages of other processes that this one has open.
///
/// One token is one storage, however often it comes, so tensors that alias at their producer alias here. A storage that
/// is dropped is closed when the work is done that its device's current stream, of the thread that dropped it, had by
/// then. Thread-safe, also across fork(): a child has nothing open.
class ImportTable {
 public:
  static ImportTable& instance();

  /// Throws CudaProducerDied, CudaError, DecodeError.
  c10::Storage import_storage(const ReceivedAllocation& received, uint64_t offset, uint64_t bytes,
                              const IpcToken& token);

  static bool is_imported(const c10::Storage& storage);

  /// To send it on. Throws CudaProducerDied. REQUIRES: is_imported(storage).
  StorageTicket ticket_of(const c10::Storage& storage) const;

  /// REQUIRES: is_imported(storage).
  bool is_producer_alive(const c10::Storage& storage) const;

  /// Closes what this process's work is done with. False when nothing is waiting any more.
  bool collect();

  Tally mapped() const;
  Tally closing() const;
  size_t open_allocations() const;

 private:
  struct Owner;
  struct Hold {
    IpcToken token;
    uint64_t offset = 0;
    int device = 0;
    std::optional<Fence> work;
  };
  struct Known {
    uint64_t id;
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
  };

  ImportTable();

  static void release(void* owner);
  void release(uint64_t id);

  // REQUIRES: the mutex.
  void close(uint64_t id);
  void collect_locked();
  const Owner* owner_of(const c10::Storage& storage) const;
  void after_fork_in_child();

  mutable std::mutex mutex_;  // Protects the rest. Held while allocations are opened and closed: never twice at a time.
  ImportLedger<AllocationKey, OpenAllocation, Hold> ledger_;
  std::map<const void*, Known> known_;  // By token.
};

}  // namespace millrace::cuda
