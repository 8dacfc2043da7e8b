#include "millrace/sharing/cuda/ipc/producer_died.h"

#include <string>

namespace millrace::cuda {

CudaProducerDied::CudaProducerDied(pid_t pid)
    : std::runtime_error("a CUDA tensor of process " + std::to_string(pid) +
                         " cannot be used: that process has ended, and what its memory holds now nobody knows. Keep a "
                         "producer alive until its consumers are done (join() them, or let them answer), send "
                         "tensor.cpu(), or let torch allocate memory that outlives it "
                         "(PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True)"),
      pid_(pid) {}

}  // namespace millrace::cuda
