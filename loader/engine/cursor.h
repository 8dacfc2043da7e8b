#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/loader/engine/order.h"
#include "millrace/loader/state.h"

namespace millrace {

/// Where a loader stands: the epoch that is delivered, the epoch that is planned, which may be further, and which batch
/// is next in both. Pure bookkeeping, without slots, workers or time; an Order says what the batches are. Used by the
/// loader's thread.
///
/// Batches are counted by their sequence, from 0 for the first that a loader ever plans. A batch is planned, and later
/// passed: delivered, or lost to an error, or left when the loader goes elsewhere.
class Cursor {
 public:
  /// How far plans go ahead of what is delivered.
  enum class Reach : uint8_t {
    kEpoch,       ///< The end of the epoch that is delivered.
    kNextEpochs,  ///< Beyond that end, so that the first batch of the next epoch does not come late.
  };

  /// Begins in the epoch that the order stands in.
  Cursor(std::unique_ptr<Order> order, Reach reach)
      : order_(std::move(order)), reach_(reach), planned_epoch_(order_->epoch()), epoch_(planned_epoch_) {}

  // --- planning ---

  /// Plans the next batch, its samples in `indices`, and gives its sequence. nullopt when the epoch that is planned has
  /// no batch left and the next one is not reached; so it stays until begin_next_epoch() or go_to().
  std::optional<uint64_t> plan_next(BatchPlan& plan, std::vector<int64_t>& indices);

  int64_t planned_epoch() const { return planned_epoch_; }

  /// Whether nothing of the epoch that is planned has been planned yet.
  bool begins_epoch() const { return planned_in_epoch_ == 0; }

  /// Whether there is nothing to plan, so that plan_next() would give nullopt.
  bool exhausted() const { return exhausted_; }

  // --- delivering ---

  /// The epoch that is delivered.
  int64_t epoch() const { return epoch_; }

  /// The sequence of the next batch to deliver in order.
  uint64_t next_in_order() const { return next_in_order_; }

  /// Whether every batch of the epoch that is delivered has been planned.
  bool epoch_is_planned() const { return planned_epoch_ != epoch_ || exhausted_; }

  /// Whether a batch of the epoch has been delivered or lost since the loader went to it.
  bool has_delivered() const { return delivered_ > 0; }

  /// Notes that the planned batch `sequence` has been passed. `packed` is null for rows and for a batch that is lost.
  /// Batches may be passed before their turn.
  void pass(uint64_t sequence, const BatchPlan& plan, const PackedBatch* packed);

  /// Counts a batch that had samples and was delivered, or one that was lost.
  void count_delivered() { ++delivered_; }

  // --- going elsewhere; what is planned and not passed is left ---

  /// Goes to the beginning of the following epoch, whose plans, if there are any, stay.
  void begin_next_epoch();

  /// Goes to the beginning of `epoch`.
  void go_to(int64_t epoch);

  /// Writes order, epoch and place. `next` is the plan of the batch next_in_order(), null where it is not planned.
  void save(LoaderState& state, const BatchPlan* next) const;

  /// Goes to where the state says. Throws std::invalid_argument when the order has no such place; then nothing changed.
  void load(const LoaderState& state);

  /// The order's name.
  std::string order_name() const { return order_->name(); }
  std::optional<int64_t> size() const { return order_->size(); }

 private:
  void begin_planning(int64_t epoch);
  void leave_planned();

  const std::unique_ptr<Order> order_;
  const Reach reach_;

  // Planning.
  int64_t planned_epoch_;
  int64_t planned_in_epoch_ = 0;
  bool exhausted_ = false;
  uint64_t next_sequence_ = 0;

  // Delivering.
  int64_t epoch_;
  int64_t delivered_ = 0;
  uint64_t next_in_order_ = 0;
  std::map<uint64_t, int64_t> passed_ahead_;  // Sequence and number in the epoch of batches passed before their turn.
};

}  // namespace millrace
