#include "millrace/sharing/memory/arena.h"

#include <list>

namespace millrace {
namespace {

// Memory that a device may still write to, whom nobody can stop: it stays mapped until the process ends.
void leave_mapped(MappedSegment memory) {
  static std::mutex mutex;
  static auto& left = *new std::list<MappedSegment>;
  const std::lock_guard lock(mutex);
  left.push_back(std::move(memory));
}

}  // namespace

Arena::Arena(size_t slots, size_t slot_bytes, const std::string& knob)
    : slots_(slots),
      slot_bytes_(slot_bytes),
      segment_(SharedSegment::create("batches", slots * slot_bytes, knob)),
      mapped_(segment_, Access::kReadWrite) {
  returned_.reserve(slots);  // So that give_back() never allocates.
}

Arena::~Arena() {
  if (last_call_ && is_ours() && !last_call_()) leave_mapped(std::move(mapped_));
}

void Arena::give_back(size_t slot) noexcept {
  if (!is_ours()) return;  // Another thread may have held the lock at the fork, and the event is the loader's too.
  const std::lock_guard lock(mutex_);
  returned_.push_back(slot);
  if (waiting_) event_.signal();
}

void Arena::take_returned(std::vector<size_t>& slots) {
  const std::lock_guard lock(mutex_);
  slots.insert(slots.end(), returned_.begin(), returned_.end());
  returned_.clear();
}

void Arena::start_waiting() {
  const std::lock_guard lock(mutex_);
  waiting_ = true;
  if (!returned_.empty()) event_.signal();
}

void Arena::stop_waiting() {
  const std::lock_guard lock(mutex_);
  waiting_ = false;
  event_.clear();
}

}  // namespace millrace
