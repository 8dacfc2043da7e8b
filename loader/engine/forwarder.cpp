#include "millrace/loader/engine/forwarder.h"

#include <utility>

namespace millrace {

void Forwarder::bring(size_t slot, Delivery& delivery, LoaderStats& stats) {
  const bool was_ahead = stage_.has(slot);
  stage_.deliver(slot, delivery);
  ++stats.device_copies;
  stats.copied_ahead += was_ahead;
  copy_ahead();
}

// Begins to copy those of the batches coming next that are complete.
void Forwarder::copy_ahead() {
  for (const size_t slot : completion_.coming(prefetch_)) {
    if (stage_.has(slot) || !completion_.is_sound(slot)) continue;
    if (auto batch = deliveries_.preview(slot)) stage_.start(slot, std::move(*batch));
  }
}

}  // namespace millrace
