#include "millrace/sharing/cuda/ipc.h"

#include <string>

#include "millrace/sharing/cuda/export_table.h"
#include "millrace/sharing/cuda/import_table.h"
#include "millrace/sharing/cuda/ipc_drain.h"

namespace millrace::cuda {

CudaProducerDied::CudaProducerDied(pid_t pid)
    : std::runtime_error("a CUDA tensor of process " + std::to_string(pid) +
                         " cannot be used: that process has ended, and what its memory holds now nobody knows. Keep a "
                         "producer alive until its consumers are done (join() them, or let them answer), send "
                         "tensor.cpu(), or let torch allocate memory that outlives it "
                         "(PYTORCH_CUDA_ALLOC_CONF=expandable_segments:True)"),
      pid_(pid) {}

bool is_producer_alive(const at::Tensor& tensor) {
  if (!tensor.defined() || !tensor.has_storage() || !ImportTable::is_imported(tensor.storage())) return true;
  return ImportTable::instance().is_producer_alive(tensor.storage());
}

void ipc_collect() {
  ExportTable::instance().collect();
  ImportTable::instance().collect();
}

IpcStats ipc_stats() {
  const auto& exports = ExportTable::instance();
  const auto& imports = ImportTable::instance();
  const Tally exported = exports.exported(), parked = exports.parked();
  const Tally mapped = imports.mapped(), closing = imports.closing();
  return {exported.count, exported.bytes, parked.count,
          parked.bytes,   mapped.count,   mapped.bytes,
          closing.count,  closing.bytes,  imports.open_allocations()};
}

void set_ipc_drain_timeout(std::chrono::milliseconds timeout) { drain_timeout = timeout; }

}  // namespace millrace::cuda
