#include "millrace/loader/engine/returns.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/loader/errors.h"
#include "millrace/sharing/os/seconds_text.h"

namespace millrace {
namespace {

constexpr auto kHeldGrace = std::chrono::seconds(2);  // Time for another thread of the user's to drop a batch.

}  // namespace

void Returns::take_in() {
  for (const size_t slot : memory_.take_returned()) come_home(slot);
  for (size_t slot = 0; slot < in_flight_.size(); ++slot)
    if (in_flight_[slot].state == SlotState::kDraining && completion_.is_complete(slot)) come_home(slot);
  for (size_t slot = 0; memory_.is_read_by_devices() && slot < in_flight_.size(); ++slot)
    if (in_flight_[slot].state == SlotState::kSettling && memory_.passed(slot)) in_flight_.release(slot);
}

void Returns::come_home(size_t slot) {
  if (!memory_.is_read_by_devices()) return in_flight_.release(slot);
  in_flight_.settle(slot);
  memory_.close(slot);
}

void Returns::require_one(Time since, Time now) {
  if (in_flight_.count(SlotState::kDraining) > 0 || in_flight_.count(SlotState::kFree) > 0) return;
  if (now - since < kHeldGrace) return;
  if (in_flight_.count(SlotState::kSettling) > 0) {
    if (!memory_.waits_for_capture()) return;
    throw std::logic_error(  // The capture would never end while this thread waits.
        "the loader has no slot left while a CUDA graph is captured: batches that were dropped since it began are kept "
        "until it ends, since it may read them. Take what the graph needs before the capture");
  }
  auto oldest = now;
  for (size_t slot = 0; slot < in_flight_.size(); ++slot) oldest = std::min(oldest, in_flight_[slot].lent_since);
  throw TooManyBatchesHeld(
      (in_flight_.size() == 1 ? "the only slot of the loader holds a batch"
                              : "all " + std::to_string(in_flight_.size()) + " slots of the loader hold batches") +
      " that you keep, the oldest for " + seconds_text(now - oldest) +
      ": drop batches, clone() the tensors you want to keep, or raise DataLoaderOptions::held (now " +
      std::to_string(held_) + ") or kept_bytes");
}

}  // namespace millrace
