#include "millrace/sharing/sync/condition.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <stdexcept>
#include <string>

#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/os/futex.h"
#include "millrace/sharing/sync/lock_access.h"
#include "millrace/sharing/sync/lock_state.h"
#include "millrace/sharing/sync/waiters.h"

namespace millrace::multiprocessing {
namespace {

using detail::WaiterSlot;
using detail::WaiterTable;

constexpr const char* kCondition = "a Condition";

// So long a notification may stay with a dead waiter.
constexpr auto kLook = std::chrono::milliseconds(100);

enum Word : uint32_t { kWaiting = WaiterTable::kFree + 1, kNotified };

// The lock guards the table, be it the one in here or another.
struct ConditionState {
  detail::LockState lock;
  std::atomic<uint64_t> next_ticket = 0;
  std::atomic<uint32_t> opened = 0;  // Slots behind these have never been used.
  std::array<WaiterSlot, Condition::kMaxWaiters> slots;

  WaiterTable waiters() { return WaiterTable(std::span(slots).first(opened)); }

  WaiterSlot& enter() {
    const uint64_t ticket = next_ticket++;
    if (auto* slot = waiters().enter(kWaiting, ticket)) return *slot;
    bury_the_dead();
    if (auto* slot = waiters().enter(kWaiting, ticket)) return *slot;
    if (opened == slots.size()) waiters().throw_full("a Condition");
    ++opened;
    return enter();
  }

  // Frees the slots of those that ended before anybody notified them.
  void bury_the_dead() {
    for (auto& slot : waiters())
      if (slot.word == kWaiting && WaiterTable::seize(slot)) WaiterTable::leave(slot);
  }

  // The living thread that has waited longest; null when none waits. Frees the slots of dead ones on the way.
  WaiterSlot* first_waiter() {
    for (;;) {
      WaiterSlot* first = nullptr;
      for (auto& slot : waiters())
        if (slot.word == kWaiting && (first == nullptr || slot.ticket < first->ticket)) first = &slot;
      if (first == nullptr || !WaiterTable::seize(*first)) return first;
      WaiterTable::leave(*first);
    }
  }

  // Takes over a notification whose receiver has ended without having taken it. Needs no lock: whoever seizes a slot
  // is alone with it.
  void inherit(WaiterSlot& heir) {
    for (auto& slot : waiters()) {
      if (slot.word != kNotified || !WaiterTable::seize(slot)) continue;
      if (slot.word == kNotified && WaiterTable::move(heir, kWaiting, kNotified)) {
        WaiterTable::leave(slot);
        return;
      }
      slot.alive.unlock();
    }
  }
};

ConditionState& condition_state(const std::shared_ptr<detail::SyncMemory>& block) {
  return block->as<ConditionState>();
}

std::shared_ptr<detail::SyncMemory> make_block() {
  return detail::create_memory<ConditionState>("millrace condition", 0);
}

// An RLock in this very block.
std::unique_ptr<detail::OwnedLock> own_lock(std::shared_ptr<detail::SyncMemory> block) {
  return std::make_unique<RLock>(detail::LockAccess::rlock_of(std::move(block)));
}

enum class LockKind : uint8_t { kOwn, kLock, kRLock };

}  // namespace

Condition::Condition(std::shared_ptr<detail::SyncMemory> block, std::unique_ptr<detail::OwnedLock> lock)
    : block_(std::move(block)), lock_(std::move(lock)) {}

Condition::Condition() : block_(make_block()), lock_(own_lock(block_)) {}
Condition::Condition(const Lock& lock) : Condition(make_block(), detail::LockAccess::another(lock)) {}
Condition::Condition(const RLock& lock) : Condition(make_block(), detail::LockAccess::another(lock)) {}

void Condition::require_held(const char* call) const {
  if (!lock_->is_held())
    throw std::logic_error(std::string(call) + " of a Condition whose lock the caller does not hold");
}

bool Condition::wait(Timeout timeout) { return wait_until(detail::Deadline(timeout)); }

bool Condition::wait_until(const detail::Deadline& deadline) {
  require_held("wait()");
  auto& state = condition_state(block_);
  auto& slot = state.enter();
  block_->pin();
  const uint32_t depth = detail::LockAccess::release_all(*lock_);
  while (slot.word == kWaiting && !deadline.passed()) {
    futex_wait(slot.word, kWaiting, deadline.left(kLook));
    if (slot.word == kWaiting) state.inherit(slot);
  }
  const pid_t dead = detail::LockAccess::acquire_again(*lock_, depth);
  const bool notified = slot.word == kNotified;
  WaiterTable::leave(slot);
  block_->unpin();
  if (dead != 0) throw OwnerDied("the lock of a Condition", dead);
  return notified;
}

void Condition::notify(size_t count) {
  require_held("notify()");
  auto& state = condition_state(block_);
  while (count > 0) {
    auto* slot = state.first_waiter();
    if (slot == nullptr) return;
    // The waiter may just have taken over another's notification.
    if (WaiterTable::move(*slot, kWaiting, kNotified)) --count;
  }
}

void Condition::save(EncodeArchive& archive) const {
  const auto& lock_block = detail::LockAccess::block_of(*lock_);
  const auto kind = lock_block == block_                   ? LockKind::kOwn
                    : detail::LockAccess::is_rlock(*lock_) ? LockKind::kRLock
                                                           : LockKind::kLock;
  millrace::detail::save_kind(archive, kCondition);
  archive(kind);
  block_->send(archive);
  if (kind != LockKind::kOwn) lock_block->send(archive);
}

void Condition::load(DecodeArchive& archive) {
  millrace::detail::load_kind(archive, kCondition);
  LockKind kind{};
  archive(kind);
  block_ = detail::SyncMemory::receive(archive, sizeof(ConditionState));
  switch (kind) {
    case LockKind::kOwn:
      lock_ = own_lock(block_);
      return;
    case LockKind::kLock:
      lock_ = detail::LockAccess::receive(archive, detail::OwnedLock::Reentry::kRefused);
      return;
    case LockKind::kRLock:
      lock_ = detail::LockAccess::receive(archive, detail::OwnedLock::Reentry::kCounted);
      return;
  }
  throw DecodeError("a Condition with a lock of no known kind");
}

}  // namespace millrace::multiprocessing
