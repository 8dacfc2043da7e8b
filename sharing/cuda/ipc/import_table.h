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
/// A token is one storage, however often it arrives, so tensors that alias at their producer alias here. A dropped
/// storage is closed when the work is done that the device's current stream, of the thread that dropped the storage,
/// had by then. Thread-safe, also across fork(): a child has nothing open.
class ImportTable {
 public:
  static ImportTable& instance();

  /// The storage of received memory. Throws CudaProducerDied, CudaError, DecodeError.
  c10::Storage import_storage(const ReceivedAllocation& received, uint64_t offset, uint64_t bytes,
                              const IpcToken& token);

  static bool is_imported(const c10::Storage& storage);

  /// The ticket of a storage, to be sent on. Throws CudaProducerDied. REQUIRES: is_imported(storage).
  StorageTicket ticket_of(const c10::Storage& storage) const;

  /// Whether the storage's producer lives. REQUIRES: is_imported(storage).
  bool is_producer_alive(const c10::Storage& storage) const;

  /// Closes storages on which the work of this process is done. False when nothing is waiting any more.
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

  // Starts the closing of a storage. REQUIRES: the mutex.
  void close(uint64_t id);
  void collect_locked();
  const Owner* owner_of(const c10::Storage& storage) const;
  void after_fork_in_child();

  mutable std::mutex mutex_;  // Protects the rest. Held while allocations are opened and closed: never twice at a time.
  ImportLedger<AllocationKey, OpenAllocation, Hold> ledger_;
  std::map<const void*, Known> known_;  // By token.
};

}  // namespace millrace::cuda
