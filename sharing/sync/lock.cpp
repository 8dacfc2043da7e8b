#include "millrace/sharing/sync/lock.h"

#include <utility>

#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/os/poll.h"
#include "millrace/sharing/sync/lock_state.h"
#include "millrace/sharing/sync/process_identity.h"
#include "millrace/sharing/sync/sync_memory.h"

namespace millrace::multiprocessing {
namespace {

std::string owner_died_text(const std::string& what_it_held, pid_t pid) {
  const std::string who = pid > 0 ? "process " + std::to_string(pid) : std::string("a process");
  return who + " ended while it held " + what_it_held +
         ": what that guards may be half changed. acquire() gives it to you together with this news (kOwnerDied), to "
         "repair it";
}

}  // namespace

OwnerDied::OwnerDied(const std::string& what_it_held, pid_t pid)
    : std::runtime_error(owner_died_text(what_it_held, pid)), pid_(pid) {}

namespace detail {

OwnedLock::OwnedLock(Reentry reentry) : OwnedLock(create_memory<LockState>("millrace lock", 0), reentry) {}

OwnedLock::OwnedLock(std::shared_ptr<SyncMemory> block, Reentry reentry)
    : block_(std::move(block)), state_(&block_->as<LockState>()), reentry_(reentry) {}

const char* OwnedLock::name() const { return reentry_ == Reentry::kCounted ? "an RLock" : "a Lock"; }

bool OwnedLock::locked() const { return state_->owner_thread.load(std::memory_order_relaxed) != 0; }

bool OwnedLock::is_held() const { return state_->owner_thread.load(std::memory_order_relaxed) == this_thread(); }

// Becomes the owner, if `taken` says so; leaves the news of a dead one where it is.
Acquired OwnedLock::enter(Taken taken) {
  auto& state = *state_;
  if (taken == Taken::kNo) return Acquired::kNo;
  if (taken == Taken::kHeldByCaller) {
    if (reentry_ == Reentry::kRefused) return Acquired::kNo;
    ++state.depth;
    return Acquired::kYes;
  }
  if (taken == Taken::kOwnerDied) state.dead_process = state.owner_process != 0 ? state.owner_process : -1;
  state.owner_process = this_process().pid;
  state.owner_thread.store(this_thread(), std::memory_order_relaxed);
  state.depth = 1;
  block_->pin();
  return state.dead_process == 0 ? Acquired::kYes : Acquired::kOwnerDied;
}

Acquired OwnedLock::wait_and_enter(const Deadline& deadline) {
  const Taken taken = state_->mutex.lock(deadline);
  if (taken != Taken::kHeldByCaller || reentry_ == Reentry::kCounted) return enter(taken);
  if (!deadline.at())
    throw std::logic_error(
        "a thread that holds a Lock waits for it: it would wait for itself for ever. Use an RLock to acquire it again");
  // Nobody else can release it, but its owner was promised the time.
  (void)poll_readable(-1, deadline.left());
  return Acquired::kNo;
}

// The caller of acquire() has the news, so nobody else needs it.
Acquired OwnedLock::told(Acquired acquired) {
  if (acquired == Acquired::kOwnerDied) state_->dead_process = 0;
  return acquired;
}

Acquired OwnedLock::acquire(Timeout timeout) { return told(wait_and_enter(Deadline(timeout))); }

Acquired OwnedLock::try_acquire() { return told(enter(state_->mutex.try_lock())); }

// Whether the lock was acquired, for callers who can be given the lock or the news of a dead owner, but not both.
// Throws OwnerDied with the news, without the lock.
bool OwnedLock::refuse_news(Acquired acquired) {
  if (acquired == Acquired::kOwnerDied) {
    const pid_t pid = state_->dead_process;
    release();
    throw OwnerDied(name(), pid);
  }
  return acquired == Acquired::kYes;
}

void OwnedLock::lock() { refuse_news(wait_and_enter(Deadline::never())); }

bool OwnedLock::try_lock() { return refuse_news(enter(state_->mutex.try_lock())); }

void OwnedLock::release() {
  if (!is_held())
    throw ReleaseError(std::string("release() of ") + name() +
                       " by a thread that does not hold it: only its owner may release it. For a signal between "
                       "processes use a Semaphore or an Event");
  if (state_->depth > 1)
    --state_->depth;
  else
    (void)release_all();
}

void OwnedLock::save(EncodeArchive& archive) const {
  millrace::detail::save_kind(archive, name());
  block_->send(archive);
}

void OwnedLock::load(DecodeArchive& archive) {
  millrace::detail::load_kind(archive, name());
  *this = OwnedLock(SyncMemory::receive(archive, sizeof(LockState)), reentry_);
}

uint32_t OwnedLock::release_all() {
  const uint32_t depth = state_->depth;
  state_->depth = 0;
  state_->owner_process = 0;
  state_->owner_thread.store(0, std::memory_order_relaxed);
  // A local owner: once it is unlocked another thread may destroy the object.
  const auto block = block_;
  if (!state_->mutex.unlock())
    throw ReleaseError(std::string("release() of ") + name() + " by a thread that does not hold it");
  block->unpin();
  return depth;
}

pid_t OwnedLock::acquire_again(uint32_t depth) {
  (void)wait_and_enter(Deadline::never());
  state_->depth = depth;
  return std::exchange(state_->dead_process, 0);
}

}  // namespace detail
}  // namespace millrace::multiprocessing
