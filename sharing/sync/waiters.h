#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/sharing/sync/robust_mutex.h"

namespace millrace::multiprocessing::detail {

/// One thread that waits, in shared memory.
struct WaiterSlot {
  RobustMutex alive;                 ///< Held by the thread for as long as it uses the slot.
  std::atomic<uint32_t> word = 0;    ///< WaiterTable::kFree, or what the table's user makes of it. The thread sleeps on
                                     ///< it.
  std::atomic<uint64_t> ticket = 0;  ///< A count of arrivals, kept by the table's user: the lowest came first.
};

/// The threads that wait for one thing. A view of slots in shared memory; "Guarded" calls are made under the mutex that
/// guards the table.
///
/// If a process dies here: its `alive` is let go by the kernel, so seize() succeeds, whatever the word says.
class WaiterTable {
 public:
  static constexpr uint32_t kFree = 0;

  explicit WaiterTable(std::span<WaiterSlot> slots) : slots_(slots) {}

  /// Takes a free slot for this thread; null when there is none. Guarded.
  WaiterSlot* enter(uint32_t word, uint64_t ticket);

  /// Frees a slot. REQUIRES: the calling thread has entered or seized it.
  static void leave(WaiterSlot& slot);

  /// Becomes the owner of a slot whose thread has ended. False where it lives.
  static bool seize(WaiterSlot& slot);

  /// Changes a waiting slot's word and wakes its thread. False when the word was not `from` any more.
  static bool move(WaiterSlot& slot, uint32_t from, uint32_t to);

  [[noreturn]] void throw_full(const char* what) const;

  auto begin() const { return slots_.begin(); }
  auto end() const { return slots_.end(); }

 private:
  std::span<WaiterSlot> slots_;
};

}  // namespace millrace::multiprocessing::detail
