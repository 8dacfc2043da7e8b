#pragma once

#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "millrace/sharing/cuda/fence.h"
#include "millrace/sharing/cuda/stream.h"

namespace millrace {

/// Keeps the slots of a loader from being filled anew, and their memory from being unmapped, while a device may still
/// read them: a copy that was queued goes on when the batch is dropped.
///
/// Known readers of a slot are the copies of batch.to() and of the loader's device stage, and the streams that
/// batch.record_stream() named. When the slot has come home, close() adds what was queued by anybody on the streams
/// that are current in the loader's thread, and puts a fence behind all of it.
///
/// Thread safety: use() and copy_stream() from any thread; the rest from the loader's.
class SlotGate {
 public:
  explicit SlotGate(size_t slots);

  /// The stream on which this loader's batches are copied to the device; made on first use. Throws CudaError.
  cuda::api::Stream copy_stream(int device);

  /// Notes that `stream` is about to read the slot. It must live until the slot has passed. REQUIRES: the slot is not
  /// free.
  void use(size_t slot, int device, cuda::api::Stream stream);

  /// Notes that the slot has come home: from here on nobody queues work that reads it.
  void close(size_t slot);

  /// Whether all work that reads the slot is done. Never blocks. REQUIRES: close(slot).
  bool passed(size_t slot);

  /// Whether a graph is being captured on a stream that some closed slot waits for.
  bool waits_for_capture();

  /// Closes all slots and waits until they have passed, five seconds at most; returns whether they have. To be called
  /// at the end, from any thread.
  bool drain() noexcept;

 private:
  // A stream that may read a slot, and the fence behind what it had queued when the slot was closed.
  struct Reader {
    int device;
    cuda::api::Stream stream;
    std::optional<cuda::Fence> fence = {};
  };

  static void add(std::vector<Reader>& readers, int device, cuda::api::Stream stream);
  static bool done(Reader& reader);

  std::mutex mutex_;                               // Protects all members.
  std::vector<std::vector<Reader>> readers_;       // One list for each slot.
  std::map<int, cuda::OwnedStream> copy_streams_;  // One for each device.
};

}  // namespace millrace
