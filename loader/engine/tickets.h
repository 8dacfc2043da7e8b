#pragma once

#include <cstddef>

#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/slot_memory.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/options.h"

namespace millrace {

/// What the head of a slot tells workers of the samples of a batch: an index and a seed for each, or what is asked of a
/// stream. Used by the loader's thread.
class Tickets {
 public:
  Tickets(SourceTraits traits, const DataLoaderOptions& options, const InFlight& in_flight, const SlotMemory& memory)
      : traits_(traits), options_(options), in_flight_(in_flight), memory_(memory) {}

  /// Writes the tickets of an open slot. Throws std::length_error for a stream's state that is larger than a slot.
  void write(size_t slot) const;

  /// Writes the tickets again for a slot whose reader died. The request of a stream lies where the batch is written,
  /// and may be overwritten.
  void renew(size_t slot) const {
    if (traits_.streamed) write(slot);
  }

  /// Throws BoardCorrupted when the slot's tickets are not what write() wrote.
  void require_own(size_t slot) const;

 private:
  SampleTicket ticket_of(size_t slot, size_t row) const;

  const SourceTraits traits_;
  const DataLoaderOptions& options_;
  const InFlight& in_flight_;
  const SlotMemory& memory_;
};

}  // namespace millrace
