#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "millrace/configs/tables/training_keys.h"
#include "millrace/loader/batch.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/data.h"
#include "millrace/training/ema.h"
#include "millrace/training/learner.h"
#include "millrace/training/mixed_precision.h"
#include "millrace/training/optimizer.h"
#include "millrace/training/schedule.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// What one step of training goes through, beside the model.
struct TrainerParts {
  const Task* task = nullptr;
  RatedOptimizer optimizer;
  Schedule schedule;
  StepPlace plan;  ///< How many steps there will be.
  std::optional<Ema> ema;
  configs::tables::Mix mix;
  configs::tables::Gradients gradients;
  uint64_t seed = 0;  ///< Of what mix leaves to chance.
};

/// What a trainer does at a time.
enum class Phase { kWait, kStep };

/// Trains, and notes in a Position how far it is. Losses stay on the device until somebody wants to know them: reading
/// one waits for the device, and then the next copy and the next step would not be ready behind each other.
class Trainer {
 public:
  /// What happens beside training; each may be empty.
  struct Watchers {
    /// Before and after each wait for a batch and each step, for traces.
    std::function<void(Phase phase)> begin;
    std::function<void()> end;

    /// A batch as the loader gave it, before it is trained on.
    std::function<void(const Batch& batch)> given;

    /// After each batch. `loss` gives that batch's, and waits for the device.
    std::function<void(const Position&, const std::function<double()>& loss)> batch;

    /// After each step of the optimizer: false ends the epoch in its middle. For a checkpoint, `note()` brings the
    /// position up to date before, which waits for the device, and throws where training has diverged: what is saved
    /// behind it is sound.
    std::function<bool(const std::function<void()>& note)> go_on;
  };

  Trainer(Learner& learner, TrainerParts parts);

  /// Trains what the loader has left of the epoch of `position`. True at its end, false where go_on() said so; then the
  /// next call goes on. Throws std::runtime_error when the epoch had no sample, where training diverges (divergence.h:
  /// before the step on the CPU, on a device at the next note() or at the epoch's end), and what the loader throws.
  bool epoch(Split& split, Position& position, const Watchers& watchers);

  /// For checkpoints: what of a run is here. copy_from() throws std::runtime_error for what does not fit.
  void save_to(Checkpoint& checkpoint) const;
  void copy_from(const Checkpoint& checkpoint);

  Ema* ema() { return parts_.ema ? &*parts_.ema : nullptr; }

  /// Of the step that comes next.
  double learning_rate(const Position& position) const;

 private:
  at::Tensor backward(const Batch& batch, const Position& position);
  void step(Position& position);
  StepPlace place_of(const Position& position) const;

  Learner& learner_;
  TrainerParts parts_;
  std::optional<LossScale> loss_scale_;
};

}  // namespace millrace::training
