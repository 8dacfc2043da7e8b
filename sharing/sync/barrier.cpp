#include "millrace/sharing/sync/barrier.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <optional>
#include <string>
#include <utility>

#include "millrace/sharing/codec/function_ref.h"
#include "millrace/sharing/codec/handle_kind.h"
#include "millrace/sharing/os/futex.h"
#include "millrace/sharing/os/round_up.h"
#include "millrace/sharing/sync/guard.h"
#include "millrace/sharing/sync/sync_memory.h"
#include "millrace/sharing/sync/waiters.h"

namespace millrace::multiprocessing {
namespace {

using detail::Deadline;
using detail::Guard;
using detail::WaiterSlot;
using detail::WaiterTable;

constexpr const char* kBarrier = "a Barrier";
constexpr auto kLookAtOthers =
    std::chrono::milliseconds(100);  // How often those who wait look whether the others live.

// Opening and breaking mark every slot that waits; whoever is killed on the way leaves the phase to say what has to be
// finished.
enum Phase : uint32_t { kFilling, kActing, kOpening, kBroken };
enum PartyWord : uint32_t { kArrived = WaiterTable::kFree + 1, kRunsAction, kPassed, kThrownOut };

struct BarrierState {
  explicit BarrierState(uint32_t number) : parties(number) {}

  detail::RobustMutex mutex;
  const uint32_t parties;
  std::atomic<uint32_t> phase = kFilling;  // Slept on by those who come while the last ones' action runs.
};

// The shared state and the slots behind it, for the length of a call. All calls under the mutex.
class BarrierView {
 public:
  explicit BarrierView(const std::shared_ptr<detail::SyncMemory>& block) : block_(block.get()), state_(get(block_)) {}

  BarrierState& state() { return state_; }

  // Twice the parties: those who passed keep their slots until they have woken up.
  static size_t slots_for(uint32_t parties) { return std::max<size_t>(2 * size_t{parties}, 64); }
  static size_t offset_of_slots() { return round_up(sizeof(BarrierState), alignof(WaiterSlot)); }

  WaiterTable waiters() {
    auto* first = std::launder(reinterpret_cast<WaiterSlot*>(block_->data() + offset_of_slots()));
    return WaiterTable({first, slots_for(state_.parties)});
  }

  uint32_t count(uint32_t word) {
    const auto table = waiters();
    return static_cast<uint32_t>(
        std::count_if(table.begin(), table.end(), [&](const WaiterSlot& slot) { return slot.word == word; }));
  }

  // Repairs what the last owner of the mutex left, and those who died since.
  void repair(bool owner_died) {
    if (state_.phase == kOpening)
      open();
    else if (owner_died || state_.phase == kBroken)
      break_for_all();
    for (auto& slot : waiters()) {
      const uint32_t word = slot.word;
      if (word == WaiterTable::kFree || !WaiterTable::seize(slot)) continue;
      WaiterTable::leave(slot);
      if (word == kArrived || word == kRunsAction) break_for_all();
    }
  }

  void open() {
    state_.phase = kOpening;
    for (auto& slot : waiters()) {
      WaiterTable::move(slot, kArrived, kPassed);
      WaiterTable::move(slot, kRunsAction, kPassed);
    }
    set_phase(kFilling);
  }

  void break_for_all() {
    state_.phase = kBroken;
    for (auto& slot : waiters()) {
      WaiterTable::move(slot, kArrived, kThrownOut);
      WaiterTable::move(slot, kRunsAction, kThrownOut);
    }
    set_phase(kBroken);
  }

  void set_phase(Phase phase) {
    state_.phase = phase;
    futex_wake_all(state_.phase);
  }

 private:
  static BarrierState& get(detail::SyncMemory* block) {
    if (block == nullptr)
      throw std::logic_error("a Barrier that was neither given a number of parties nor received from another process");
    return block->as<BarrierState>();
  }

  detail::SyncMemory* block_;
  BarrierState& state_;
};

[[noreturn]] void throw_broken(const char* why) { throw BrokenBarrier(std::string("the Barrier is broken: ") + why); }

constexpr const char* kBrokenByOthers = "it was aborted or reset, a party's time ran out, or a party died";

}  // namespace

Barrier::Barrier(uint32_t parties, BarrierAction action, Timeout timeout)
    : action_(std::move(action.action_)), timeout_(timeout) {
  if (parties == 0) throw std::invalid_argument("a Barrier needs at least one party");
  const size_t slots = BarrierView::slots_for(parties);
  const size_t more = BarrierView::offset_of_slots() - sizeof(BarrierState) + slots * sizeof(WaiterSlot);
  block_ = detail::create_memory<BarrierState>("millrace barrier", more, parties);
  std::byte* at = block_->data() + BarrierView::offset_of_slots();
  for (size_t i = 0; i < slots; ++i) ::new (at + i * sizeof(WaiterSlot)) WaiterSlot;
}

uint32_t Barrier::wait() { return wait(timeout_); }

uint32_t Barrier::wait(Timeout timeout) {
  BarrierView view(block_);
  auto& state = view.state();
  const Deadline deadline(timeout);
  WaiterSlot* slot = nullptr;
  uint32_t number = 0;
  bool last = false;
  while (slot == nullptr) {
    {
      const Guard guard(state.mutex);
      view.repair(guard.owner_died());
      if (state.phase == kBroken) throw_broken(kBrokenByOthers);
      if (state.phase == kFilling) {
        number = view.count(kArrived);
        last = number + 1 == state.parties;
        slot = view.waiters().enter(last ? kRunsAction : kArrived, 0);
        if (slot == nullptr) view.waiters().throw_full("a Barrier");
        if (last) state.phase = kActing;
        break;
      }
      if (deadline.passed()) {
        view.break_for_all();
        throw_broken("this party's time ran out");
      }
    }
    // The parties before us are all there, and their action runs.
    futex_wait(state.phase, kActing, deadline.left(kLookAtOthers));
  }
  block_->pin();
  const auto leave = [&] {
    const uint32_t word = slot->word;
    WaiterTable::leave(*slot);
    block_->unpin();
    return word;
  };

  if (last) {
    try {
      if (action_ != nullptr) action_->run();
    } catch (...) {
      const Guard guard(state.mutex);
      view.repair(guard.owner_died());
      view.break_for_all();
      leave();
      throw;
    }
    const Guard guard(state.mutex);
    view.repair(guard.owner_died());
    if (slot->word == kRunsAction) view.open();
    if (leave() == kThrownOut) throw_broken("it was aborted or reset, or a party's time ran out, during the action");
    return number;
  }

  const char* why = kBrokenByOthers;
  while (slot->word == kArrived) {
    futex_wait(slot->word, kArrived, deadline.left(kLookAtOthers));
    if (slot->word != kArrived) break;
    const Guard guard(state.mutex);
    view.repair(guard.owner_died());
    if (slot->word != kArrived || !deadline.passed()) continue;
    view.break_for_all();
    why = "this party's time ran out";
  }
  if (leave() == kThrownOut) throw_broken(why);
  return number;
}

void Barrier::reset() {
  BarrierView view(block_);
  const Guard guard(view.state().mutex);
  view.repair(guard.owner_died());
  view.break_for_all();
  view.set_phase(kFilling);
}

void Barrier::abort() {
  BarrierView view(block_);
  const Guard guard(view.state().mutex);
  view.repair(guard.owner_died());
  view.break_for_all();
}

uint32_t Barrier::parties() const { return BarrierView(block_).state().parties; }

uint32_t Barrier::n_waiting() const {
  BarrierView view(block_);
  const Guard guard(view.state().mutex);
  view.repair(guard.owner_died());
  return view.state().phase == kFilling ? view.count(kArrived) : 0;
}

bool Barrier::broken() const {
  BarrierView view(block_);
  const Guard guard(view.state().mutex);
  view.repair(guard.owner_died());
  return view.state().phase == kBroken;
}

void Barrier::save(EncodeArchive& archive) const {
  BarrierView view(block_);
  const std::optional<int64_t> timeout = timeout_ ? std::optional<int64_t>((*timeout_).count()) : std::nullopt;
  millrace::detail::save_kind(archive, kBarrier);
  archive(timeout);
  block_->send(archive);
  archive(action_ != nullptr);
  if (action_ != nullptr) action_->save(archive);
}

void Barrier::load(DecodeArchive& archive) {
  millrace::detail::load_kind(archive, kBarrier);
  std::optional<int64_t> timeout;
  archive(timeout);
  auto block = detail::SyncMemory::receive(archive, sizeof(BarrierState));
  const uint32_t parties = block->as<BarrierState>().parties;
  if (block->bytes() < BarrierView::offset_of_slots() + BarrierView::slots_for(parties) * sizeof(WaiterSlot))
    throw DecodeError("a Barrier of " + std::to_string(parties) + " parties does not fit its memory");
  bool has_action = false;
  archive(has_action);
  std::shared_ptr<detail::BoundAction> action;
  if (has_action) {
    FunctionRef load;
    archive(load);
    action = resolve<std::shared_ptr<detail::BoundAction>(DecodeArchive&)>(load)(archive);
  }
  action_ = std::move(action);
  timeout_ = timeout ? Timeout(std::chrono::nanoseconds(*timeout)) : Timeout(std::nullopt);
  block_ = std::move(block);
}

}  // namespace millrace::multiprocessing
