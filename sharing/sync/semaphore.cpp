#include "millrace/sharing/sync/semaphore.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <span>
#include <stdexcept>

#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/os/futex.h"
#include "millrace/sharing/sync/guard.h"
#include "millrace/sharing/sync/process_identity.h"
#include "millrace/sharing/sync/sync_memory.h"

namespace millrace::multiprocessing {
namespace {

using detail::ProcessIdentity;

// So long a waiter believes that those who hold the units live.
constexpr auto kPatience = std::chrono::milliseconds(20);

// Atomic for the order of its stores only: a process may be killed between any two. The owner's pid is written last.
struct Account {
  std::atomic<pid_t> pid = 0;  // 0: nobody's; units left in it have been used up.
  std::atomic<uint32_t> units = 0;
  std::atomic<uint64_t> start_time = 0;

  ProcessIdentity owner() const { return {pid, start_time}; }
};

// Guarded by the mutex, but for the words that are slept on. Every change of the value is a single store, so a process
// killed inside leaves nothing to repair.
struct SemaphoreState {
  explicit SemaphoreState(uint32_t value) : initial(value), total(value) {}

  detail::RobustMutex mutex;
  const uint32_t initial;
  std::atomic<uint32_t> total;                // Units that there are, held or not.
  std::atomic<pid_t> dead_process = 0;        // Units of it came back, and nobody has been told yet.
  std::atomic<uint32_t> changes = 0;          // Slept on; counts releases.
  std::atomic<uint32_t> sleepers = 0;         // 1 when somebody may sleep.
  std::atomic<uint32_t> accounts_opened = 0;  // Accounts behind these have never been used.
  std::array<Account, Semaphore::kMaxHolders> all_accounts;

  std::span<Account> accounts() { return std::span(all_accounts).first(accounts_opened); }

  uint32_t value() {
    uint32_t held = 0;
    for (const auto& account : accounts()) held += account.units;
    return total - held;
  }

  Account* find(const ProcessIdentity& owner) {
    return find_if([&](const Account& a) { return a.owner() == owner; });
  }

  Account* find_if(auto matches) {
    const auto opened = accounts();
    const auto it = std::find_if(opened.begin(), opened.end(), matches);
    return it == opened.end() ? nullptr : &*it;
  }

  Account* find_unused() {
    return find_if([](const Account& a) { return a.units == 0; });
  }

  // The caller's account; opened where nobody holds a unit, if there is none.
  Account& open_account() {
    const auto self = detail::this_process();
    if (auto* account = find(self)) return *account;
    auto* account = find_unused();
    if (account == nullptr && accounts_opened < all_accounts.size()) account = &all_accounts[accounts_opened++];
    if (account == nullptr) {
      bury_the_dead();
      account = find_unused();
    }
    if (account == nullptr)
      throw std::runtime_error("a Semaphore cannot be acquired: " + std::to_string(Semaphore::kMaxHolders) +
                               " processes hold units of it, and no more can; let each give its units back before "
                               "others come, or spread the processes over several Semaphores");
    account->pid = 0;
    account->start_time = self.start_time;
    account->pid = self.pid;
    return *account;
  }

  // Brings back what dead processes hold. May be cut short anywhere and done again.
  void bury_the_dead() {
    for (auto& account : accounts()) {
      if (account.pid == 0 || account.units == 0 || detail::is_alive(account.owner())) continue;
      const uint32_t now = value();
      const uint32_t back = std::min(initial > now ? initial - now : 0, account.units.load());
      if (back > 0) dead_process = account.pid.load();
      account.units -= back;
      account.pid = 0;
    }
  }
};

SemaphoreState& semaphore_state(const std::shared_ptr<detail::SyncMemory>& block) {
  return block->as<SemaphoreState>();
}

}  // namespace

Semaphore::Semaphore(uint32_t value) : Semaphore(value, Bound::kNone) {}

Semaphore::Semaphore(uint32_t value, Bound bound)
    : block_(detail::create_memory<SemaphoreState>("millrace semaphore", 0, value)), bound_(bound) {}

Acquired Semaphore::take_unit(const detail::Deadline& deadline, News news) {
  auto& state = semaphore_state(block_);
  for (bool patient = true;; patient = false) {
    uint32_t seen = 0;
    {
      const detail::Guard guard(state.mutex);
      if (!patient) state.bury_the_dead();
      if (state.value() > 0) {
        Account& account = state.open_account();
        const pid_t dead = state.dead_process;
        if (dead != 0 && news == News::kLeave) throw OwnerDied("units of a Semaphore", dead);
        ++account.units;
        if (dead == 0) return Acquired::kYes;
        state.dead_process = 0;
        return Acquired::kOwnerDied;
      }
      seen = state.changes;
      state.sleepers = 1;
    }
    if (!deadline.passed())
      futex_wait(state.changes, seen, deadline.left(kPatience));
    else if (!patient)
      return Acquired::kNo;
  }
}

Acquired Semaphore::acquire(Timeout timeout) { return take_unit(detail::Deadline(timeout), News::kTake); }

void Semaphore::lock() { (void)take_unit(detail::Deadline::never(), News::kLeave); }

bool Semaphore::try_lock() {
  return take_unit(detail::Deadline(std::chrono::nanoseconds(0)), News::kLeave) == Acquired::kYes;
}

void Semaphore::release() {
  auto& state = semaphore_state(block_);
  {
    const detail::Guard guard(state.mutex);
    if (bound_ == Bound::kInitialValue && state.value() >= state.initial)
      throw ReleaseError("release() of a BoundedSemaphore whose " + std::to_string(state.initial) +
                         (state.initial == 1 ? " unit is" : " units are all") +
                         " there: released more often than acquired");
    auto* account = state.find(detail::this_process());
    if (account == nullptr || account->units == 0)
      account = state.find_if([](const Account& a) { return a.units > 0; });
    if (account != nullptr)
      --account->units;
    else
      ++state.total;
    ++state.changes;
  }
  if (state.sleepers.exchange(0) != 0) futex_wake_all(state.changes);
}

uint32_t Semaphore::get_value() const {
  auto& state = semaphore_state(block_);
  const detail::Guard guard(state.mutex);
  return state.value();
}

const char* Semaphore::kind() const { return bound_ == Bound::kNone ? "a Semaphore" : "a BoundedSemaphore"; }

void Semaphore::save(EncodeArchive& archive) const {
  millrace::detail::save_kind(archive, kind());
  block_->send(archive);
}

void Semaphore::load(DecodeArchive& archive) {
  millrace::detail::load_kind(archive, kind());
  block_ = detail::SyncMemory::receive(archive, sizeof(SemaphoreState));
}

}  // namespace millrace::multiprocessing
