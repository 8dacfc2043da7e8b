#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "millrace/loader/engine/ledger.h"
#include "millrace/loader/engine/order.h"
#include "millrace/loader/errors.h"
#include "millrace/sharing/channel/fd_socket.h"

namespace millrace {

/// A range whose readers died until it was given up.
struct GivenUp {
  WorkerDied error;
  int64_t sample = -1;  ///< The sample that the last reader was at.
};

/// The batches that are on their way, a slot each: the ledger of the slots, and a record for each batch of what was
/// planned and what happened to it since. A record lives from open() until its slot is opened again. Private memory of
/// the trainer; used by its thread.
class InFlight {
 public:
  explicit InFlight(size_t slots) : ledger_(slots), records_(slots) {}

  // --- the slots; see Ledger ---

  const Ledger::Slot& operator[](size_t slot) const { return ledger_[slot]; }
  size_t size() const { return ledger_.size(); }
  size_t count(SlotState state) const { return ledger_.count(state); }
  std::optional<size_t> find_open(uint64_t sequence) const { return ledger_.find_open(sequence); }

  /// The open slots, ordered by when their batches were opened, the earliest first.
  std::vector<size_t> open_in_order() const;

  /// Takes a free slot for a batch of `ranges` ranges; `indices` are swapped into it. REQUIRES: count(kFree) > 0.
  size_t open(uint64_t sequence, const BatchPlan& plan, size_t ranges, std::vector<int64_t>& indices);

  void lend(size_t slot, Ledger::Time now) { ledger_.lend(slot, now); }
  void settle(size_t slot) { ledger_.settle(slot); }
  void release(size_t slot) { ledger_.release(slot); }
  void drop_gaps(size_t slot) { ledger_.drop_gaps(slot); }

  /// Gives up an open slot's batch: a message that came for it is dropped, and one that still comes is not kept.
  void cancel(size_t slot);

  // --- the batch in a slot ---

  const BatchPlan& plan(size_t slot) const { return records_[slot].plan; }

  /// Sets the error of an open slot's batch, which cannot be opened, or whose error has been raised: see
  /// BatchPlan::error.
  void set_error(size_t slot, std::exception_ptr error) { records_[slot].plan.error = std::move(error); }

  /// Whether the batch was opened before all other open batches of its stream.
  bool is_first_of_its_stream(size_t slot) const;

  /// Counts a death on a range and returns how many there have been since it was opened or mended.
  int64_t count_death(size_t slot, size_t range) { return ledger_.count_death(slot, range); }

  void give_up(size_t slot, size_t range, GivenUp why) { records_[slot].given_up.insert_or_assign(range, why); }

  /// The note of a range that was given up; null for others.
  const GivenUp* given_up(size_t slot, size_t range) const;

  /// The samples that were read in that row, without success.
  const std::vector<int64_t>& tried(size_t slot, size_t row) { return records_[slot].tried[row]; }

  /// Puts another sample, or none (a negative index), in the place of the one in `row`, which was tried. Its range
  /// begins anew, without deaths, and is not given up.
  void put_instead(size_t slot, size_t range, size_t row, int64_t index);

  /// Keeps a batch that came by message, if the use of the slot that it is for is still open.
  void keep_message(size_t slot, uint32_t generation, Arrival message);

  /// Takes the message for the slot's batch, if there is one.
  std::optional<Arrival> take_message(size_t slot);

 private:
  struct Record {
    BatchPlan plan;
    std::map<size_t, GivenUp> given_up;            // By range.
    std::map<size_t, std::vector<int64_t>> tried;  // By row.
    std::optional<Arrival> message;
  };

  Ledger ledger_;
  std::vector<Record> records_;  // By slot.
};

}  // namespace millrace
