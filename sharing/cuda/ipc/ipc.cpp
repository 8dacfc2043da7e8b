#include "millrace/sharing/cuda/ipc/ipc.h"

#include "millrace/sharing/cuda/ipc/drain.h"
#include "millrace/sharing/cuda/ipc/export_table.h"
#include "millrace/sharing/cuda/ipc/import_table.h"

namespace millrace::cuda {

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
