#include "millrace/sharing/cuda/ipc/codec.h"

#include <stdexcept>

#include "millrace/sharing/cuda/context.h"
#include "millrace/sharing/cuda/ipc/drain.h"
#include "millrace/sharing/cuda/ipc/export_table.h"
#include "millrace/sharing/cuda/ipc/import_table.h"
#include "millrace/sharing/cuda/stream.h"

namespace millrace::cuda {
namespace {

// A receiver must not have to wait for work of a process that may die.
void finish_current_work(int device) {
  const CurrentContext context(device);
  const api::Stream stream = current_stream(device);
  if (is_capturing(stream))
    throw std::logic_error(
        "a CUDA tensor cannot be sent while the current stream captures a graph: end the capture first");
  MILLRACE_CUDA(stream_synchronize, stream);
}

c10::Storage empty_storage(int device) {
  const c10::Device where(c10::kCUDA, static_cast<c10::DeviceIndex>(device));
  return {c10::Storage::use_byte_size_t(), 0, c10::DataPtr(nullptr, where), /*allocator=*/nullptr,
          /*resizable=*/false};
}

}  // namespace

void save_storage(EncodeArchive& archive, const c10::Storage& storage) {
  const int device = storage.device().index();
  archive(static_cast<uint64_t>(storage.nbytes()));
  if (storage.nbytes() == 0) {
    const api::Uuid uuid = uuid_of(device);
    archive(uuid.bytes);
    return;
  }
  drain_at_process_end();
  const StorageTicket ticket = ImportTable::is_imported(storage) ? ImportTable::instance().ticket_of(storage)
                                                                 : ExportTable::instance().export_storage(storage);
  finish_current_work(device);
  save_allocation(archive, ticket.allocation);
  archive(ticket.offset, ticket.token);
}

c10::Storage load_storage(DecodeArchive& archive) {
  uint64_t bytes = 0;
  archive(bytes);
  if (bytes == 0) {
    api::Uuid uuid{};
    archive(uuid.bytes);
    return empty_storage(device_with(uuid));
  }
  drain_at_process_end();
  const auto received = load_allocation(archive);
  uint64_t offset = 0;
  IpcToken token;
  archive(offset, token);
  if (auto own = ExportTable::instance().find_or_revive(token)) return *std::move(own);
  return ImportTable::instance().import_storage(*received, offset, bytes, token);
}

}  // namespace millrace::cuda
