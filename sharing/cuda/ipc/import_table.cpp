#include "millrace/sharing/cuda/ipc/import_table.h"

#include <memory>
#include <string>
#include <vector>

#include "millrace/sharing/cuda/ipc/parking.h"
#include "millrace/sharing/cuda/ipc/producer_died.h"
#include "millrace/sharing/os/fork_handlers.h"

namespace millrace::cuda {
namespace {

// Throws CudaProducerDied when the bytes of a dead producer may be anything.
void require_good(const Allocation& allocation) {
  const ImportState state = import_state(allocation.transport, allocation.producer->is_alive());
  if (state == ImportState::kRevoked) throw CudaProducerDied(allocation.producer->identity.pid);
}

}  // namespace

// The owner behind an imported storage's DataPtr.
struct ImportTable::Owner {
  uint64_t id;
};

ImportTable& ImportTable::instance() {
  static auto* const table = new ImportTable;  // Outlives tensors in static variables.
  return *table;
}
[[maybe_unused]] static const ImportTable& kImportTableAtLoad = ImportTable::instance();

ImportTable::ImportTable() {
  Parking::instance().look_after({[] { instance().collect(); }, [] { return instance().closing().count > 0; }});
  at_fork(ForkRank::kCudaImports, {[] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                                   [] { instance().after_fork_in_child(); }});
}

c10::Storage ImportTable::import_storage(const ReceivedAllocation& received, uint64_t offset, uint64_t bytes,
                                         const IpcToken& token) {
  if (bytes > received.bytes || offset > received.bytes - bytes)
    throw DecodeError("a storage of " + std::to_string(bytes) + " bytes at " + std::to_string(offset) +
                      " does not lie in its allocation of " + std::to_string(received.bytes) + " bytes");
  require_good(received);
  const std::lock_guard lock(mutex_);
  collect_locked();
  const auto known = known_.find(token.id());
  if (known != known_.end())
    if (auto storage = known->second.storage.lock()) return c10::Storage(std::move(storage));
  token.note_opened();
  uint64_t id = 0;
  try {
    id = ledger_.add(received.key(), bytes, {token, offset, received.device, std::nullopt},
                     [&] { return OpenAllocation(received); });
  } catch (...) {
    token.note_closed();
    require_good(received);  // The better reason.
    throw;
  }
  if (import_state(received.transport, received.producer->is_alive()) == ImportState::kRevoked) {
    close(id);
    throw CudaProducerDied(received.producer->identity.pid);
  }
  void* const data = reinterpret_cast<void*>(ledger_.mapping_of(id).address() + offset);
  const c10::Device device(c10::kCUDA, static_cast<c10::DeviceIndex>(received.device));
  auto storage = c10::make_intrusive<c10::StorageImpl>(
      c10::StorageImpl::use_byte_size_t(), bytes,
      c10::DataPtr(data, std::make_unique<Owner>(Owner{id}).release(), &release, device), /*allocator=*/nullptr,
      /*resizable=*/false);
  known_.insert_or_assign(token.id(), Known{id, c10::weak_intrusive_ptr<c10::StorageImpl>(storage)});
  return c10::Storage(std::move(storage));
}

bool ImportTable::is_imported(const c10::Storage& storage) {
  return storage.data_ptr().get_deleter() == static_cast<c10::DeleterFnPtr>(&release);
}

StorageTicket ImportTable::ticket_of(const c10::Storage& storage) const {
  const std::lock_guard lock(mutex_);
  const uint64_t id = owner_of(storage)->id;
  const Hold& hold = ledger_.hold_of(id);
  const auto& allocation = ledger_.mapping_of(id).allocation();
  require_good(*allocation);
  return {allocation, hold.offset, hold.token};
}

bool ImportTable::is_producer_alive(const c10::Storage& storage) const {
  const std::lock_guard lock(mutex_);
  return ledger_.mapping_of(owner_of(storage)->id).allocation()->producer->is_alive();
}

const ImportTable::Owner* ImportTable::owner_of(const c10::Storage& storage) const {
  const auto* const owner = static_cast<const Owner*>(storage.data_ptr().get_context());
  if (!ledger_.is_mapped(owner->id))
    throw CudaUnavailable(
        "a CUDA tensor that this process inherited by fork() cannot be used in it: start processes with "
        "StartMethod::kForkServer or kSpawn and send it");
  return owner;
}

void ImportTable::release(void* owner) {
  const std::unique_ptr<Owner> owned(static_cast<Owner*>(owner));
  instance().release(owned->id);
}

void ImportTable::release(uint64_t id) {
  if (Parking::process_ends()) return;  // The driver may be gone.
  {
    const std::lock_guard lock(mutex_);
    if (ledger_.is_mapped(id)) close(id);
  }
  if (collect()) Parking::instance().watch();
}

void ImportTable::close(uint64_t id) {
  Hold& hold = ledger_.close(id);
  const auto known = known_.find(hold.token.id());
  if (known != known_.end() && known->second.id == id) known_.erase(known);
  try {
    hold.work.emplace(hold.device, std::vector{current_stream(hold.device)});
  } catch (const std::runtime_error&) {
    // The context is lost: no work in it is left.
  }
}

bool ImportTable::collect() {
  const std::lock_guard lock(mutex_);
  collect_locked();
  return ledger_.closing().count > 0;
}

void ImportTable::collect_locked() {
  const auto is_done = [](Hold& hold) {
    try {
      return !hold.work || hold.work->passed();
    } catch (const std::runtime_error&) {
      return true;  // As in close().
    }
  };
  for (auto& closed : ledger_.collect(is_done)) {
    closed.mapping.reset();  // Closed before the producer may hear of it.
    closed.hold.token.note_closed();
  }
}

Tally ImportTable::mapped() const {
  const std::lock_guard lock(mutex_);
  return ledger_.mapped();
}

Tally ImportTable::closing() const {
  const std::lock_guard lock(mutex_);
  return ledger_.closing();
}

size_t ImportTable::open_allocations() const {
  const std::lock_guard lock(mutex_);
  return ledger_.open_allocations();
}

// The driver does not work in the child, so nothing is closed; but the tokens, which the child seems to use, go.
void ImportTable::after_fork_in_child() {
  ledger_.clear();
  known_.clear();
  mutex_.unlock();
}

}  // namespace millrace::cuda
