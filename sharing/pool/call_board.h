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

  uint32_t function;   ///< The pool's number for the function that is called.
  uint32_t calls;      ///< How often the function is called, one time after the other.
  uint32_t bytes;      ///< Size of the arguments or results in `content`.
  uint32_t elsewhere;  ///< Not 0: the arguments do not fit or carry descriptors; ask for them.
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

/// A page of shared memory on which a pool's parent posts calls. Any free worker takes the oldest call, by one
/// compare-and-swap, and puts the result in the call's place. This is the parent's side.
///
/// Thread safety: the caller sees to it that one thread at a time is in here.
///
/// Invariants: a slot's word is {sequence of its posting, state, worker}. The parent turns kFree into kPosted; a worker
/// turns that into kTaken, kRunning and kDone, in this order; the parent turns that into kFree again. A slot's content
/// belongs to workers from kPosted to kRunning.
///
/// If a worker dies here: its slots say what it had taken. Positions that it should have moved on are moved on by the
/// next worker. Whether it sleeps is noted in its own seat, so that at worst a dead worker is woken.
class CallBoard : public CallBoardMemory {
 public:
  /// A board with so many seats. A seat is one worker's place; the worker's replacement takes it over.
  explicit CallBoard(uint32_t seats);

  int fd() const { return segment_.fd(); }

  /// Lets workers take a slot, which the caller has filled. To be followed by wake_workers().
  void post(uint32_t slot);

  /// Wakes as many sleeping workers as there are calls to take.
  void wake_workers();

  /// Lets workers leave that find nothing to take from now on.
  void close();

  bool is_done(uint32_t slot) const;

  /// The slot that the worker is running; nullopt for none.
  std::optional<uint32_t> running(uint32_t worker) const;
  void free(uint32_t slot);

  /// Takes back what a dead worker held. Gives the slots that it was running, which stay as they are; those that it had
  /// only taken are posted again.
  std::vector<uint32_t> take_back(uint32_t worker);

  /// Prepares a seat for its next worker; true when the last worker had said that it is ready.
  bool clear_seat(uint32_t seat);

  /// Whether some seat's worker has said that it is ready.
  bool is_anyone_ready() const;

  /// Sets when the parent is woken: when a call is done while fewer than this many are left to take.
  void set_bell_below(uint32_t calls);

  /// Announces that the parent goes to sleep; false when it must not, since a call that the bell is set for is done.
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

  /// Sits down. `worker` is a number that no other living worker has, nor the seat's last one.
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
