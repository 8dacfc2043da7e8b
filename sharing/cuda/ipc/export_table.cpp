#include "millrace/sharing/cuda/ipc/export_table.h"

#include "millrace/sharing/cuda/dead_work.h"
#include "millrace/sharing/cuda/ipc/parking.h"
#include "millrace/sharing/os/fork_handlers.h"

namespace millrace::cuda {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

struct ExportTable::Export {
  StorageTicket ticket;
  c10::weak_intrusive_ptr<c10::StorageImpl> storage;
  size_t bytes;
  void* data;
  c10::DataPtr memory;  // The memory of torch's allocator.
};

// The owner behind an exported storage's DataPtr.
struct ExportTable::Owner {
  uint64_t id;
};

namespace {

constexpr auto use_of = [](const auto& exported) { return exported.ticket.token.use(); };

}  // namespace

ExportTable& ExportTable::instance() {
  static auto* const table = new ExportTable;  // Outlives tensors in static variables.
  return *table;
}
[[maybe_unused]] static const ExportTable& kExportTableAtLoad = ExportTable::instance();

ExportTable::ExportTable() : ledger_(kDeadWorkGrace) {
  Parking::instance().look_after({[] { instance().collect(); }, [] { return instance().parked().count > 0; }});
  at_fork(ForkRank::kCudaExports, {[] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                                   [] { instance().after_fork_in_child(); }});
}

StorageTicket ExportTable::export_storage(const c10::Storage& storage) {
  Driver::get();  // Not in a forked child, which has the storages of its parent, but no exports.
  collect();
  c10::StorageImpl* const impl = storage.unsafeGetStorageImpl();
  void* const data = impl->mutable_data();  // A copy-on-write storage gets its own bytes first.
  const std::lock_guard lock(mutex_);
  if (storage.data_ptr().get_deleter() == static_cast<c10::DeleterFnPtr>(&release))
    return ledger_.find(static_cast<const Owner*>(storage.data_ptr().get_context())->id)->ticket;
  auto [allocation, offset] = find_allocation(storage.device().index(), data, impl->nbytes());
  const Transport transport = allocation->transport;
  const IpcToken token = IpcToken::make();
  const uint64_t id = ledger_.add(
      {{std::move(allocation), offset, token}, storage.getWeakStorageImpl(), impl->nbytes(), data, c10::DataPtr()},
      impl->nbytes(), transport);
  ids_.emplace(token.id(), id);
  Export& exported = *ledger_.find(id);
  exported.memory = impl->set_data_ptr(data_ptr_of(id, data, storage.device()));
  return exported.ticket;
}

c10::DataPtr ExportTable::data_ptr_of(uint64_t id, void* data, c10::Device device) const {
  return {data, std::make_unique<Owner>(Owner{id}).release(), &release, device};
}

std::optional<c10::Storage> ExportTable::find_or_revive(const IpcToken& token) {
  const std::lock_guard lock(mutex_);
  const auto known = ids_.find(token.id());
  if (known == ids_.end()) return std::nullopt;
  const uint64_t id = known->second;
  Export& exported = *ledger_.find(id);
  if (!ledger_.is_parked(id))
    if (auto storage = exported.storage.lock()) return c10::Storage(std::move(storage));
  // The storage is gone, or about to be in another thread.
  auto storage = c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), exported.bytes,
                                                       data_ptr_of(id, exported.data, exported.memory.device()),
                                                       /*allocator=*/nullptr, /*resizable=*/false);
  ledger_.add_owner(id);
  exported.storage = c10::weak_intrusive_ptr<c10::StorageImpl>(storage);
  return c10::Storage(std::move(storage));
}

void ExportTable::release(void* owner) {
  const std::unique_ptr<Owner> owned(static_cast<Owner*>(owner));
  instance().release(owned->id);
}

void ExportTable::release(uint64_t id) {
  if (Parking::process_ends()) return;  // Its driver and allocator may be gone.
  Freed freed;                          // Destroyed last, outside of the lock: their deleters are somebody else's code.
  {
    const std::lock_guard lock(mutex_);
    if (auto payload = ledger_.release(id, use_of, Clock::now())) freed.push_back(std::move(*payload));
    forget(freed);
  }
  if (collect()) Parking::instance().watch();
}

bool ExportTable::collect() {
  Freed freed;
  const std::lock_guard lock(mutex_);
  freed = ledger_.collect(use_of, Clock::now());
  forget(freed);
  return ledger_.parked().count > 0;
}

void ExportTable::forget(const Freed& freed) {
  for (const Export& exported : freed) ids_.erase(exported.ticket.token.id());
}

Tally ExportTable::exported() const {
  const std::lock_guard lock(mutex_);
  return ledger_.exported();
}

Tally ExportTable::parked() const {
  const std::lock_guard lock(mutex_);
  return ledger_.parked();
}

Tally ExportTable::at_stake() const {
  const std::lock_guard lock(mutex_);
  return ledger_.at_stake(use_of);
}

// The memory is the parent's to free; the child only has to let go of the tokens, which it seems to use.
void ExportTable::after_fork_in_child() {
  for (Export& exported : ledger_.clear()) exported.memory.release_context();
  ids_.clear();
  mutex_.unlock();
}

}  // namespace millrace::cuda
