#pragma once

#include <ATen/core/Tensor.h>

#include <chrono>
#include <cstddef>

#include "millrace/sharing/cuda/ipc/producer_died.h"

namespace millrace::cuda {

/// CUDA tensors between processes. They are sent like all others, through queues, pipes and as arguments of processes
/// (sharing/tensor/tensor_codec.h). Nothing is copied: both sides have the same memory of the same device. The
/// difference is that device memory belongs to the process that allocated it, its *producer*:
///
///   - While anybody else has the memory the producer keeps it. It may drop its tensor at once; the memory then is
///     parked, and goes back to torch's allocator when the last other process has dropped its tensor or died, or the
///     message was dropped. After a death that takes 2 seconds more: the dead process's work may still run.
///   - A producer that ends waits until nobody has its memory any more, at most 10 seconds, then says on stderr what it
///     takes from whom. It does not for memory that outlives it: see below.
///   - If the producer dies, what becomes of the memory depends on what torch allocated it with. By default
///     (cudaMalloc()) nobody knows: a tensor received from it may hold garbage from then on; receiving another one, or
///     sending it on, throws CudaProducerDied; is_producer_alive() tells. With expandable segments
///     (PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True) the bytes stay good as long as somebody has them.
///   - A message is complete when it is sent: sending waits for the work that the device's current stream has. Work on
///     other streams is the sender's to wait for. A receiver that drops a tensor likewise need not wait for the current
///     stream, only for others.
///   - A tensor received may be sent on to a third process, as if the producer had sent it (PyTorch refuses). Sent back
///     to its producer it has the storage it had.
///   - It cannot be resized, and record_stream() does nothing for it, nor for a tensor that was sent.
///   - Whoever receives a tensor maps the whole allocation that it lies in: 2 MiB or more, other tensors included.
///
/// Sending throws std::invalid_argument for memory that other processes cannot open, as that of cudaMallocAsync(), and
/// std::logic_error while the current stream captures a graph. Sending and receiving throw CudaUnavailable where there
/// is no CUDA, or the device is not visible, and CudaError.
///
/// Note [Who holds exported memory]. PyTorch counts references in shared memory, so a consumer that is killed, or a
/// message that is never read, keeps its producer's memory for ever; and a message for each release, which the
/// reference design has, needs somebody to read it. Here each exported storage has a token, a small SharedBlock, which
/// travels with it: the kernel knows who holds it (memory/shared_heap.h, note [Who uses a block]), and lets go for
/// processes that died and messages that were lost. The producer only has to look.

/// False for a tensor that came from another process which has ended since; true for all others. Costs a system call.
/// Bytes that were read from a tensor before this gave true are good.
bool is_producer_alive(const at::Tensor& tensor);

/// Frees and closes now the memory that nobody uses any more. That also happens by itself, every 50 ms, and at every
/// send, receive and free.
void ipc_collect();

/// Numbers of storages, and their bytes.
struct IpcStats {
  size_t exported = 0, exported_bytes = 0;  ///< Storages sent at some time and still in use by this process.
  size_t parked = 0, parked_bytes = 0;      ///< Storages dropped here, in use elsewhere or just not any more.
  size_t received = 0, received_bytes = 0;  ///< Storages of other processes.
  size_t closing = 0, closing_bytes = 0;    ///< Storages dropped by this process, whose work on them is not done.
  size_t open_allocations = 0;              ///< Allocations of other processes that those storages lie in.
};
IpcStats ipc_stats();

/// Sets how long this process waits at its end for others to let go of its memory; 10 seconds at first.
void set_ipc_drain_timeout(std::chrono::milliseconds timeout);

}  // namespace millrace::cuda
