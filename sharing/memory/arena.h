#pragma once

#include <sys/types.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "millrace/sharing/memory/segment.h"
#include "millrace/sharing/os/event_fd.h"
#include "millrace/sharing/os/own_pid.h"

namespace millrace {

/// One shared segment cut into equal slots, and the list of slots that come home from their borrowers.
///
/// The arena lives as long as its loader or the last lease, whichever is longer, so tensors stay valid after the loader
/// is gone. Thread safety: give_back() from any thread; the rest from the loader's thread. In a process that was forked
/// from the loader's, giving slots back and destroying the arena has no effect on the loader's memory, and waits for no
/// lock.
class Arena {
 public:
  /// Makes the memory. Throws OutOfSharedMemory; `knob` is what its text tells the user to turn down.
  Arena(size_t slots, size_t slot_bytes, const std::string& knob);
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;
  ~Arena();

  /// Says what must happen before the memory goes. `last_call` runs once the last lease is gone, in the thread that
  /// gave it back, and must not throw. It returns whether the memory may go: false leaves it mapped for the life of the
  /// process.
  void before_unmapping(std::function<bool()> last_call) { last_call_ = std::move(last_call); }

  size_t slots() const { return slots_; }
  std::span<std::byte> memory() const { return {mapped_.data(), mapped_.size()}; }
  std::byte* slot(size_t index) const { return mapped_.data() + index * slot_bytes_; }
  const SharedSegment& segment() const { return segment_; }

  /// Takes a slot back whose last borrower is done with it.
  void give_back(size_t slot) noexcept;

  /// Appends to `slots` those that came home since the last call.
  void take_returned(std::vector<size_t>& slots);

  /// The event that is signalled between start_waiting() and stop_waiting() when a slot comes home, or has come home
  /// before.
  const EventFd& returned() const { return event_; }
  void start_waiting();
  void stop_waiting();

 private:
  bool is_ours() const { return owner_ == own_pid(); }

  const pid_t owner_ = own_pid();
  size_t slots_;
  size_t slot_bytes_;
  SharedSegment segment_;
  MappedSegment mapped_;
  EventFd event_;
  std::function<bool()> last_call_;

  std::mutex mutex_;  // Protects the next two members.
  std::vector<size_t> returned_;
  bool waiting_ = false;
};

/// The right to read one slot, shared by all tensors of a batch. The slot goes home with the last of them, from
/// whichever thread drops it.
class Lease {
 public:
  Lease(std::shared_ptr<Arena> arena, size_t slot) : arena_(std::move(arena)), slot_(slot) {}
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  ~Lease() { arena_->give_back(slot_); }

 private:
  std::shared_ptr<Arena> arena_;
  size_t slot_;
};

}  // namespace millrace
