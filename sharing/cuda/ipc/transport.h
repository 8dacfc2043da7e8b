#pragma once

namespace millrace::cuda {

/// How a process opens the device memory of another one.
enum class Transport : unsigned char {
  /// CUDA's IPC handles, for memory of cudaMalloc(). What becomes of the bytes when the process that owns them dies is
  /// documented nowhere.
  kLegacyHandle = 1,

  /// Descriptors, one for each piece of memory of cuMemCreate() (PyTorch's expandable segments). The memory lives as
  /// long as anybody has it.
  kDescriptors = 2,
};

/// The state of memory of another process.
enum class ImportState {
  kMapped,    ///< Its producer lives.
  kOrphaned,  ///< Its producer is dead, the bytes are good.
  kRevoked,   ///< Its producer is dead, and nobody knows what the bytes are.
};

constexpr ImportState import_state(Transport transport, bool producer_alive) {
  if (producer_alive) return ImportState::kMapped;
  return transport == Transport::kDescriptors ? ImportState::kOrphaned : ImportState::kRevoked;
}

}  // namespace millrace::cuda
