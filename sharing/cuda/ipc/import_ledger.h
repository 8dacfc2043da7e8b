#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/sharing/cuda/ipc/export_ledger.h"

namespace millrace::cuda {

/// The memory of other processes that this one has open. A storage that was received goes through
///
///   RECEIVED --its allocation is open--> MAPPED --dropped--> CLOSING --own work on it is done--> CLOSED
///
/// Many storages lie in one allocation, which is opened for the first of them and closed behind the last. A Key tells
/// allocations apart. A Mapping is an open allocation, and closes when it is destroyed. A Hold keeps the producer from
/// freeing a storage's memory; it is destroyed after the mapping. The ledger knows no driver. Not thread-safe.
template <class Key, class Mapping, class Hold>
class ImportLedger {
 public:
  /// The rest of a storage that is CLOSED. The mapping, where the storage was its last one, is destroyed before the
  /// hold.
  struct Closed {
    Hold hold;
    std::optional<Mapping> mapping;
  };

  bool is_open(const Key& key) const { return mappings_.contains(key); }

  /// Adds a storage of `bytes` bytes as MAPPED. Calls `open` for the mapping when the allocation is not open yet; when
  /// `open` throws, nothing is changed.
  template <class Open>
  uint64_t add(const Key& key, size_t bytes, Hold hold, Open open) {
    auto mapping = mappings_.find(key);
    if (mapping == mappings_.end()) mapping = mappings_.emplace(key, Counted{open()}).first;
    ++mapping->second.storages;
    storages_.emplace(++last_id_, Storage{key, bytes, std::move(hold)});
    mapped_.add(bytes);
    return last_id_;
  }

  /// Turns a storage that nobody here has any more into CLOSING. Gives its hold, to note in it what collect() will ask;
  /// the reference is good until the next call. REQUIRES: is_mapped(id).
  Hold& close(uint64_t id) {
    const auto storage = storages_.find(id);
    mapped_.subtract(storage->second.bytes);
    closing_tally_.add(storage->second.bytes);
    closing_.push_back(std::move(storage->second));
    storages_.erase(storage);
    return closing_.back().hold;
  }

  /// Turns storages into CLOSED for whose hold `is_done` says that no work of this process is left, and gives them.
  template <class IsDone>
  std::vector<Closed> collect(IsDone is_done) {
    std::vector<Closed> closed;
    std::vector<Storage> left;
    for (Storage& storage : closing_) {
      if (!is_done(storage.hold)) {
        left.push_back(std::move(storage));
        continue;
      }
      closing_tally_.subtract(storage.bytes);
      closed.push_back({std::move(storage.hold), let_go(storage.key)});
    }
    closing_ = std::move(left);
    return closed;
  }

  bool is_mapped(uint64_t id) const { return storages_.contains(id); }

  /// The hold of a storage. REQUIRES: is_mapped(id).
  const Hold& hold_of(uint64_t id) const { return storages_.at(id).hold; }
  const Mapping& mapping_of(uint64_t id) const { return mappings_.at(storages_.at(id).key).mapping; }

  Tally mapped() const { return mapped_; }
  Tally closing() const { return closing_tally_; }
  size_t open_allocations() const { return mappings_.size(); }

  /// Forgets and destroys all storages. Ids are not used again.
  void clear() {
    mappings_.clear();
    storages_.clear();
    closing_.clear();
    mapped_ = closing_tally_ = {};
  }

 private:
  struct Storage {
    Key key;
    size_t bytes;
    Hold hold;
  };
  struct Counted {
    Mapping mapping;
    size_t storages = 0;  // Mapped or closing.
  };

  std::optional<Mapping> let_go(const Key& key) {
    const auto mapping = mappings_.find(key);
    if (--mapping->second.storages > 0) return std::nullopt;
    std::optional<Mapping> last = std::move(mapping->second.mapping);
    mappings_.erase(mapping);
    return last;
  }

  uint64_t last_id_ = 0;
  std::map<Key, Counted> mappings_;
  std::map<uint64_t, Storage> storages_;  // Mapped.
  std::vector<Storage> closing_;
  Tally mapped_, closing_tally_;
};

}  // namespace millrace::cuda
