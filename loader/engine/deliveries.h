#pragma once

#include <cstddef>
#include <memory>
#include <optional>

#include "millrace/loader/engine/delivery.h"
#include "millrace/loader/engine/in_flight.h"
#include "millrace/loader/engine/kept_memory.h"
#include "millrace/loader/engine/overflow.h"
#include "millrace/loader/engine/slot_memory.h"
#include "millrace/loader/engine/source_traits.h"
#include "millrace/loader/options.h"

namespace millrace {

/// Makes deliveries of the batches that workers have finished: lends their slots, and closes up their contents. Used by
/// the loader's thread.
class Deliveries {
 public:
  Deliveries(SourceTraits traits, EmptyBatches empty, std::shared_ptr<const SampleSpec> spec, InFlight& in_flight,
             const SlotMemory& memory, Overflow& overflow, KeptMemory& kept)
      : traits_(traits),
        empty_(empty),
        spec_(std::move(spec)),
        in_flight_(in_flight),
        memory_(memory),
        overflow_(overflow),
        kept_(kept) {}

  /// Whether the trainer is given a batch of that many samples.
  ///
  /// A batch of no samples is given where the options say so, but never from a stream, whose end is no batch.
  bool gives(int64_t samples) const { return samples > 0 || (empty_ == EmptyBatches::kGiven && !traits_.streamed); }

  /// Lends a slot whose ranges are done, or copies its contents where the trainer holds as many slots as it may. Closes
  /// up rows and samples that were left out; a batch without any left frees its slot. Throws BoardCorrupted for
  /// contents that no worker of ours writes.
  Delivery lend(size_t slot, Ledger::Time now);

  /// The delivery that lend() would give for a slot whose ranges are done, without the lease. nullopt where that is not
  /// simply what workers wrote into the slot: when it is empty, has samples left out, came by message or is garbled.
  std::optional<Delivery> preview(size_t slot) const;

 private:
  Delivery begin(size_t slot) const;
  Delivery lend_rows(size_t slot, Ledger::Time now);
  Delivery lend_packed(size_t slot, Ledger::Time now);
  bool keep_rows(Delivery& delivery, size_t slot);
  bool keep_packed(Delivery& delivery, size_t slot);
  void point_at_rows(Delivery& delivery, size_t slot) const;
  void close_gaps(size_t slot);

  const SourceTraits traits_;
  const EmptyBatches empty_;
  const std::shared_ptr<const SampleSpec> spec_;
  InFlight& in_flight_;
  const SlotMemory& memory_;
  Overflow& overflow_;
  KeptMemory& kept_;
};

}  // namespace millrace
