#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/sharing/cuda/ipc/transport.h"

namespace millrace::cuda {

/// Who has exported memory besides the process that owns it.
enum class ExportUse {
  kHeld,       ///< A process or a message has it.
  kGivenBack,  ///< Nobody has it, and all processes that had opened it have closed it.
  kLost,       ///< Nobody has it, but a process died with it open: its work may still run on the device.
};

/// A number and the bytes that go with it.
struct Tally {
  size_t count = 0;
  size_t bytes = 0;

  void add(size_t size) { ++count, bytes += size; }
  void subtract(size_t size) { --count, bytes -= size; }
  bool operator==(const Tally&) const = default;
};

/// The memory that this process has let others open, from the first time it is sent until it may be freed:
///
///   EXPORTED --its owners let go--> PARKED --nobody else has it any more--> FREED
///   EXPORTED --its owners let go, nobody else has it---------------------> FREED
///   PARKED --it came back to this process--> EXPORTED
///
/// Memory that a process had open when it died waits for a grace period more: the end of a process is not the end of
/// its work on the device. The ledger keeps a Payload for each piece of memory, which owns it, and hands the Payload
/// out to be destroyed. The ledger knows no driver and no clock. Not thread-safe.
template <class Payload>
class ExportLedger {
 public:
  using Time = std::chrono::steady_clock::time_point;

  explicit ExportLedger(std::chrono::nanoseconds grace) : grace_(grace) {}

  /// Adds memory as EXPORTED, with one owner.
  uint64_t add(Payload payload, size_t bytes, Transport transport) {
    exported_.add(bytes);
    entries_.emplace(++last_id_, Entry{std::move(payload), bytes, transport, 1, std::nullopt});
    return last_id_;
  }

  /// Adds an owner in this process, to which a message brought the memory back. REQUIRES: it is not freed.
  void add_owner(uint64_t id) {
    Entry& entry = entries_.at(id);
    if (entry.owners++ > 0) return;
    parked_.subtract(entry.bytes);
    exported_.add(entry.bytes);
  }

  /// Takes an owner away. Gives the payload when that frees the memory. Does nothing for memory that is freed.
  template <class UseOf>
  std::optional<Payload> release(uint64_t id, UseOf use_of, Time now) {
    const auto found = entries_.find(id);
    if (found == entries_.end() || --found->second.owners > 0) return std::nullopt;
    exported_.subtract(found->second.bytes);
    parked_.add(found->second.bytes);
    if (!may_free(found->second, use_of, now)) return std::nullopt;
    return free(found);
  }

  /// Gives the parked payloads that nobody has any more, which are FREED by it.
  template <class UseOf>
  std::vector<Payload> collect(UseOf use_of, Time now) {
    std::vector<Payload> freed;
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto next = std::next(entry);
      if (entry->second.owners == 0 && may_free(entry->second, use_of, now)) freed.push_back(free(entry));
      entry = next;
    }
    return freed;
  }

  /// The payload; null when the memory is freed.
  Payload* find(uint64_t id) {
    const auto found = entries_.find(id);
    return found == entries_.end() ? nullptr : &found->second.payload;
  }

  bool is_parked(uint64_t id) const { return entries_.at(id).owners == 0; }

  Tally exported() const { return exported_; }
  Tally parked() const { return parked_; }
  uint64_t freed() const { return freed_; }

  /// The memory that other processes would lose if this one ended now.
  template <class UseOf>
  Tally at_stake(UseOf use_of) const {
    Tally tally;
    for (const auto& [id, entry] : entries_)
      if (entry.transport == Transport::kLegacyHandle && use_of(entry.payload) == ExportUse::kHeld)
        tally.add(entry.bytes);
    return tally;
  }

  /// Forgets all memory, and gives its payloads. Ids are not used again.
  std::vector<Payload> clear() {
    std::vector<Payload> payloads;
    for (auto& [id, entry] : entries_) payloads.push_back(std::move(entry.payload));
    entries_.clear();
    exported_ = parked_ = {};
    return payloads;
  }

 private:
  struct Entry {
    Payload payload;
    size_t bytes;
    Transport transport;
    size_t owners;  // 0: parked.
    std::optional<Time> lost_since;
  };
  using Entries = std::map<uint64_t, Entry>;

  template <class UseOf>
  bool may_free(Entry& entry, UseOf use_of, Time now) const {
    const ExportUse use = use_of(std::as_const(entry.payload));
    if (use != ExportUse::kLost) return use == ExportUse::kGivenBack;
    if (!entry.lost_since) entry.lost_since = now;
    return now - *entry.lost_since >= grace_;
  }

  Payload free(typename Entries::iterator entry) {
    parked_.subtract(entry->second.bytes);
    ++freed_;
    Payload payload = std::move(entry->second.payload);
    entries_.erase(entry);
    return payload;
  }

  std::chrono::nanoseconds grace_;
  uint64_t last_id_ = 0;
  Entries entries_;
  Tally exported_, parked_;
  uint64_t freed_ = 0;
};

}  // namespace millrace::cuda
