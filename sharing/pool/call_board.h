#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "millrace/sharing/memory/segment.h"

namespace millrace {

/// A call of a pool, or its result, in shared memory.
struct CallSlot {
  static constexpr size_t kInlineBytes = 2048 - 4 * sizeof(uint32_t);

  uint32_t function;   ///< Which function is called: the pool's number for it.
  uint32_t calls;      ///< How often the function is called, one time after the other.
  uint32_t bytes;      ///< Size of the arguments or results in `content`.
  uint32_t elsewhere;  ///< Not 0: the arguments are too large for `content` or carry descriptors: ask for them.
  std::byte content[kInlineBytes];
};
static_assert(sizeof(CallSlot) == 2048);

/// The shared memory of a CallBoard as it is laid out; both sides map it.
class CallBoardMemory {
 public:
  static constexpr uint32_t kSlots = 256;

  CallSlot& slot(uint32_t index) const;

 protected:
  struct Head;
  struct Seat;

  explicit CallBoardMemory(SharedSegment segment);
  static size_t bytes_for(uint32_t seats);

  Head& head() const;
  Seat& seat(uint32_t index) const;
  uint64_t untaken() const;

  SharedSegment segment_;
  MappedSegment memory_;
};

/// A page of shared memory on which a pool's parent posts calls, and from which its workers take them: the oldest
/// first, by one compare-and-swap, whoever is free. The results come back in the same place. This is the parent's side.
///
/// Thread safety: the caller sees to it that one thread at a time is in here.
///
/// Invariants: a slot's word is {sequence of its posting, state, worker}. The parent makes it kPosted from kFree, a
/// worker kTaken, kRunning and kDone, in this order, and the parent kFree again. A slot's content belongs to workers
/// from kPosted to kRunning.
///
/// If a worker dies here: its slots say what it had taken. Positions that it should have moved on are moved on by the
/// next worker. Whether it sleeps stands in a seat of its own, so that at worst a dead one is woken.
class CallBoard : public CallBoardMemory {
 public:
  /// A seat is one worker's place; who replaces the worker takes it over.
  explicit CallBoard(uint32_t seats);

  int fd() const { return segment_.fd(); }

  /// Lets workers take a slot, which has been filled. wake_workers() follows.
  void post(uint32_t slot);

  /// Wakes as many sleeping workers as there are calls to take.
  void wake_workers();

  /// Workers that find nothing to take leave from now on.
  void close();

  bool is_done(uint32_t slot) const;

  /// The slot that the worker is running; nullopt for none.
  std::optional<uint32_t> running(uint32_t worker) const;
  void free(uint32_t slot);

  /// What a dead worker leaves: the slots it was running, still its own. Those it had only taken are posted again.
  std::vector<uint32_t> take_back(uint32_t worker);

  /// Prepares a seat for its next worker; true when the last one had said that it is ready.
  bool clear_seat(uint32_t seat);

  /// The parent wants to be woken when something has been done while fewer than this many calls are left to take.
  void set_bell_below(uint32_t calls);

  /// Announces that the parent goes to sleep; false when it must not, since something is done that the bell is set for.
  bool may_sleep();
  void woke_up();

 private:
  const uint32_t seats_;
};

/// A worker's side of a CallBoard.
class CallBoardSeat : public CallBoardMemory {
 public:
  struct Taken {
    uint32_t slot;
    uint64_t sequence;
  };

  /// `worker` tells it from all others that live, also from its predecessor on this seat.
  CallBoardSeat(OwnedFd memory, uint32_t seat, uint16_t worker);

  void say_ready();

  /// The next call, if there is one.
  std::optional<Taken> try_take();

  /// Sleeps until there may be a call to take. False when there is none and the board is closed.
  bool wait();

  void begin(const Taken& taken);
  void finish(const Taken& taken);

  /// True when the parent sleeps and is to be woken now: the caller rings.
  bool takes_bell();

 private:
  const uint32_t seat_;
  const uint16_t worker_;
};

}  // namespace millrace
