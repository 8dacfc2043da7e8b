#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/collation/packed.h"
#include "millrace/loader/state.h"
#include "millrace/samplers/any_batch_sampler.h"

namespace millrace {

/// One batch that is to be opened, as an Order plans it.
struct BatchPlan {
  int64_t epoch = 0;
  int64_t batch = 0;     ///< The batch's number in the epoch, from 0.
  int64_t position = 0;  ///< The place of its first sample in the epoch.
  SamplerState sampler;  ///< The sampler's state before the batch.
  StreamRequest stream;  ///< The request, for a batch of a stream.

  /// Why the batch cannot be opened, if so. It keeps its turn, and is lost when that comes.
  std::exception_ptr error = {};
};

/// The order in which batches are opened, and where a loader stands in it. Used by the loader's thread.
///
/// Plans run ahead of what is delivered. A state says what was delivered, not what was planned.
class Order {
 public:
  virtual ~Order() = default;

  /// The kind of the order, with which a state is marked: an order of another kind refuses it.
  virtual std::string name() const = 0;

  /// Batches an epoch; nullopt where that is not known.
  virtual std::optional<int64_t> size() const = 0;

  /// The epoch that the order stands in.
  virtual int64_t epoch() const = 0;

  /// Goes to the start of an epoch. Throws nothing of the user's: see next().
  virtual void begin(int64_t epoch) = 0;

  /// Plans the next batch, its samples in `indices` (none from a stream). False at the end of the epoch. An exception
  /// of the user's sampler becomes the error of a batch without samples. It ends the epoch when the sampler could not
  /// begin the epoch, and when the batch before had an error too: a sampler that is broken for good would never come to
  /// an end.
  virtual bool next(BatchPlan& plan, std::vector<int64_t>& indices) = 0;

  /// Notes that a planned batch has been delivered, or is lost; `packed` is null for rows and for lost batches.
  virtual void passed(const BatchPlan& plan, const PackedBatch* packed) = 0;

  /// Writes where `epoch` stands. `next` is its first batch that is open and not delivered, null when there is none.
  virtual void save(LoaderState& state, int64_t epoch, const BatchPlan* next) const = 0;

  /// Goes to where the state says. Throws std::invalid_argument when this order has no such place.
  virtual void load(const LoaderState& state) = 0;
};

/// The order of a dataset with indices: what a batch sampler gives.
class IndexOrder final : public Order {
 public:
  /// Begins in the epoch that the sampler stands in.
  explicit IndexOrder(AnyBatchSampler sampler) : sampler_(std::move(sampler)), epoch_(sampler_.epoch()) {}

  std::string name() const override { return sampler_.name(); }
  std::optional<int64_t> size() const override { return sampler_.size(); }
  int64_t epoch() const override { return epoch_; }
  void begin(int64_t epoch) override;
  bool next(BatchPlan& plan, std::vector<int64_t>& indices) override;
  void passed(const BatchPlan& plan, const PackedBatch* packed) override;
  void save(LoaderState& state, int64_t epoch, const BatchPlan* next) const override;
  void load(const LoaderState& state) override;

 private:
  BatchPlan here() const { return {epoch_, batch_, position_, sampler_.state(), {}}; }
  void plan_next(BatchPlan& plan, std::vector<int64_t>& indices);
  void require_own(const LoaderState& state) const;

  AnyBatchSampler sampler_;
  std::exception_ptr not_begun_;  // Why the epoch could not be begun.
  int64_t errors_in_row_ = 0;
  bool ended_ = false;  // Whether an error ended the epoch.
  int64_t epoch_;
  int64_t batch_ = 0;
  int64_t position_ = 0;
  std::map<int64_t, BatchPlan> ends_;  // Ends of epochs that are planned, and perhaps not delivered, to them.
  int64_t ahead_epoch_ = 0;            // The epoch of the state that was loaded.
  std::vector<int64_t> ahead_;         // That state's batches that had been delivered out of order.
};

/// The order of a dataset without indices: batches take turns among the streams, skipping those that have ended.
///
/// Which streams are known to have ended depends on time. The order in which batches are delivered does not, since a
/// stream that has ended gives batches of no samples, which are not delivered.
class StreamOrder final : public Order {
 public:
  StreamOrder(int64_t num_streams, int64_t batch_size, bool drop_last, size_t samples);

  std::string name() const override { return "streams"; }
  std::optional<int64_t> size() const override { return size_; }
  int64_t epoch() const override { return epoch_; }
  void begin(int64_t epoch) override;
  bool next(BatchPlan& plan, std::vector<int64_t>& indices) override;
  void passed(const BatchPlan& plan, const PackedBatch* packed) override;
  void save(LoaderState& state, int64_t epoch, const BatchPlan* next) const override;
  void load(const LoaderState& state) override;

 private:
  void require_own(const LoaderState& state) const;

  struct Stream {
    int64_t planned = 0;  // Samples planned.
    LoaderState::Stream delivered;
  };

  int64_t batch_size_;
  bool drop_last_;
  std::optional<int64_t> size_;
  int64_t epoch_ = 0;
  int64_t batch_ = 0;
  int64_t turn_ = 0;            // The stream of the next planned batch.
  int64_t delivered_turn_ = 0;  // The stream of the next delivered batch.
  int64_t delivered_batches_ = 0;
  std::vector<Stream> streams_;
};

}  // namespace millrace
