#include "millrace/sharing/tensor/shared_storage.h"

#include <c10/util/Exception.h>

#include <array>
#include <cstring>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "millrace/sharing/os/fork_handlers.h"
#include "millrace/sharing/tensor/strategy.h"

namespace millrace {
namespace {

using WeakStorage = c10::weak_intrusive_ptr<c10::StorageImpl>;

// The owner behind a shared storage's DataPtr.
struct Content {
  SharedBlock block;
};

void release(void* content);

// The living storages by the address of their block, which identifies it while it is in use: a process maps a segment
// once.
class StorageTable {
 public:
  static StorageTable& instance() {
    static StorageTable* table = new StorageTable;  // Outlives tensors in static variables.
    return *table;
  }

  c10::Storage find_or_make(const SharedBlock& block) {
    const std::lock_guard lock(mutex_);
    const auto known = storages_.find(block.data());
    if (known != storages_.end())
      if (auto storage = known->second.lock()) return c10::Storage(std::move(storage));
    auto storage =
        c10::make_intrusive<c10::StorageImpl>(c10::StorageImpl::use_byte_size_t(), block.size(), data_ptr_of(block),
                                              /*allocator=*/nullptr, /*resizable=*/false);
    storages_.insert_or_assign(block.data(), WeakStorage(storage));
    return c10::Storage(std::move(storage));
  }

  void add(const SharedBlock& block, const c10::Storage& storage) {
    const std::lock_guard lock(mutex_);
    storages_.insert_or_assign(block.data(), storage.getWeakStorageImpl());
  }

  // The entry may belong to a new storage of the same block by now.
  void forget(const SharedBlock& block) {
    const std::lock_guard lock(mutex_);
    const auto known = storages_.find(block.data());
    if (known != storages_.end() && known->second.expired()) storages_.erase(known);
  }

  static c10::DataPtr data_ptr_of(const SharedBlock& block) {
    auto content = std::make_unique<Content>(Content{block});
    void* data = block ? block.data() : nullptr;
    return {data, content.release(), &release, c10::Device(c10::kCPU)};
  }

  // Two threads may send one tensor at the same time. Striped, so that one large copy does not hold up all small ones.
  std::mutex& moving(const c10::StorageImpl* storage) {
    return moving_[std::hash<const void*>()(storage) / alignof(c10::StorageImpl) % moving_.size()];
  }

 private:
  StorageTable() {
    at_fork(ForkRank::kStorages,
            {[] { instance().lock_all(); }, [] { instance().unlock_all(); }, [] { instance().unlock_all(); }});
  }

  void lock_all() {
    for (auto& mutex : moving_) mutex.lock();
    mutex_.lock();
  }
  void unlock_all() {
    mutex_.unlock();
    for (auto& mutex : moving_) mutex.unlock();
  }

  std::array<std::mutex, 16> moving_;
  std::mutex mutex_;  // Protects storages_. Taken while one of moving_ is held, never the other way round.
  std::unordered_map<const std::byte*, WeakStorage> storages_;
};
[[maybe_unused]] const StorageTable& kStorageTableAtLoad = StorageTable::instance();

void release(void* content) {
  const std::unique_ptr<Content> owned(static_cast<Content*>(content));
  if (owned->block) StorageTable::instance().forget(owned->block);
}

Backing backing_of(multiprocessing::SharingStrategy strategy) {
  return strategy == multiprocessing::SharingStrategy::kFileSystem ? Backing::kDevShm : Backing::kMemfd;
}

}  // namespace

bool is_in_shared_memory(const c10::Storage& storage) { return storage.data_ptr().get_deleter() == &release; }

void move_to_shared_memory(const c10::Storage& storage) {
  c10::StorageImpl* const impl = storage.unsafeGetStorageImpl();
  c10::DataPtr old;  // Freed last, outside of the lock: its deleter is somebody else's code.
  const std::lock_guard lock(StorageTable::instance().moving(impl));
  if (is_in_shared_memory(storage)) return;
  const void* const source = impl->mutable_data();  // Mutable: a copy-on-write storage gets its own bytes first.
  SharedBlock block;
  if (impl->nbytes() > 0) {
    TORCH_CHECK(source, "a tensor without memory cannot be shared (is it a meta or fake tensor?)");
    block = SharedBlock::allocate(impl->nbytes(), backing_of(multiprocessing::get_sharing_strategy()));
    std::memcpy(block.data(), source, impl->nbytes());
  }
  old = impl->set_data_ptr(StorageTable::data_ptr_of(block));
  impl->set_resizable(false);
  if (block) StorageTable::instance().add(block, storage);
}

SharedBlock block_of(const c10::Storage& storage) {
  return static_cast<const Content*>(storage.data_ptr().get_context())->block;
}

c10::Storage storage_of(const SharedBlock& block) {
  if (block) return StorageTable::instance().find_or_make(block);
  return c10::Storage(c10::Storage::use_byte_size_t(), 0, StorageTable::data_ptr_of(block), /*allocator=*/nullptr,
                      /*resizable=*/false);
}

}  // namespace millrace
