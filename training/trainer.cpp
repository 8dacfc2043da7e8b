#include "millrace/training/trainer.h"

#include <torch/nn/utils/clip_grad.h>

#include <chrono>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "millrace/loader/images/transforms/batch_mix.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/loader/stats.h"
#include "millrace/training/divergence.h"
#include "millrace/training/tasks/mean.h"
#include "millrace/training/weights/state_dict.h"

namespace millrace::training {
namespace {

// Adds what a loader skips and replaces from when it is made to what a position says.
class Losses {
 public:
  explicit Losses(const DataLoader& loader) : loader_(loader), before_(loader.stats()) {}

  void add_to(Position& position) {
    const LoaderStats now = loader_.stats();
    position.skipped += static_cast<int64_t>(now.skipped_samples - before_.skipped_samples);
    position.replaced += static_cast<int64_t>(now.replaced_samples - before_.replaced_samples);
    before_ = now;
  }

  std::string last_error() const { return loader_.stats().last_error; }

 private:
  const DataLoader& loader_;
  LoaderStats before_;
};

// Tells watchers what is done for as long as it is.
class Watched {
 public:
  Watched(const Trainer::Watchers& watchers, Phase phase) : watchers_(watchers) {
    if (watchers_.begin) watchers_.begin(phase);
  }
  ~Watched() {
    if (watchers_.end) watchers_.end();
  }
  Watched(const Watched&) = delete;
  Watched& operator=(const Watched&) = delete;

 private:
  const Trainer::Watchers& watchers_;
};

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Another for each batch of a run, the same in every run.
uint64_t seed_of(uint64_t seed, const Position& position) {
  SampleRng rng(seed ^ (static_cast<uint64_t>(position.epoch) << 32U) ^ static_cast<uint64_t>(position.batches));
  return rng();
}

// Input and target of a batch, mixed where that is drawn.
void mix(const configs::tables::Mix& keys, int64_t classes, uint64_t seed, at::Tensor& input, at::Tensor& target) {
  SampleRng rng(seed);
  if (rng.uniform() >= keys.probability) return;
  const bool both = keys.mixup > 0 && keys.cutmix > 0;
  const bool takes_mixup = both ? rng.uniform() < 0.5 : keys.mixup > 0;
  std::tie(input, target) = takes_mixup ? transforms::MixUp(keys.mixup, classes)(input, target, rng)
                                        : transforms::CutMix(keys.cutmix, classes)(input, target, rng);
}

[[noreturn]] void throw_empty(const Position& position, const std::string& last_error) {
  const std::string epoch = "epoch " + std::to_string(position.epoch + 1) + " had no sample";
  if (position.skipped == 0) throw std::runtime_error(epoch);
  throw std::runtime_error(epoch + ": none of " + std::to_string(position.skipped) +
                           " could be read, the last error: " + last_error);
}

}  // namespace

Trainer::Trainer(Learner& learner, TrainerParts parts) : learner_(learner), parts_(std::move(parts)) {
  if (learner_.place.amp == at::kHalf) loss_scale_.emplace(learner_.place.device);
}

bool Trainer::epoch(Split& split, Position& position, const Watchers& watchers) {
  learner_.model->train();
  Losses losses(*split.loader);
  auto loss_sum = Mean::of(position.loss_sum, position.samples, learner_.place.device);
  const auto start = Clock::now();
  const double seconds_before = position.seconds;
  const std::function<void()> note = [&] {
    losses.add_to(position);
    position.loss_sum = loss_sum.sum();
    position.seconds = seconds_before + seconds_since(start);
    require_finite_loss(position.loss_sum, position);
    require_finite_weights(*learner_.model, position);
  };
  bool gradients_pending = false;
  for (;;) {
    std::optional<Batch> batch;
    {
      const Watched watched(watchers, Phase::kWait);
      const auto asked = Clock::now();
      batch = split.loader->next();
      position.wait_seconds += seconds_since(asked);
    }
    if (!batch) break;
    if (watchers.given) watchers.given(*batch);
    const Watched watched(watchers, Phase::kStep);
    const auto loss = backward(*batch, position);
    // Of a device it is asked where that has to be waited for anyway.
    if (learner_.place.device.is_cpu()) require_finite_loss(loss.item<double>(), position);
    loss_sum.add(loss, batch->size());
    position.samples += batch->size();
    position.trained += batch->size();
    ++position.batches;
    gradients_pending = position.batches % parts_.gradients.accumulate != 0;
    if (!gradients_pending) step(position);
    position.seconds = seconds_before + seconds_since(start);
    if (watchers.batch) watchers.batch(position, [&] { return loss.item<double>(); });
    if (gradients_pending || !watchers.go_on || watchers.go_on(note)) continue;
    note();
    return false;
  }
  if (gradients_pending) step(position);
  note();
  if (position.samples == 0) throw_empty(position, losses.last_error());
  return true;
}

at::Tensor Trainer::backward(const Batch& batch, const Position& position) {
  auto input = learner_.input(batch);
  auto target = parts_.task->target(batch);
  if (parts_.mix.mixup > 0 || parts_.mix.cutmix > 0)
    mix(parts_.mix, parts_.task->outputs(), seed_of(parts_.seed, position), input, target);
  const auto loss = parts_.task->loss(learner_.output(input), target);
  const auto share = loss / static_cast<double>(parts_.gradients.accumulate);
  if (loss_scale_)
    loss_scale_->backward(share);
  else
    share.backward();
  return loss.detach();
}

void Trainer::step(Position& position) {
  auto& optimizer = *parts_.optimizer.optimizer;
  parts_.optimizer.set_share(parts_.schedule(place_of(position)));
  const bool is_good = !loss_scale_ || loss_scale_->unscale(optimizer);
  if (is_good) {
    if (parts_.gradients.clip > 0)
      torch::nn::utils::clip_grad_norm_(optimizer.param_groups().front().params(), parts_.gradients.clip);
    optimizer.step();
  }
  optimizer.zero_grad();
  if (parts_.ema) parts_.ema->update(position.steps);
  ++position.steps;
}

StepPlace Trainer::place_of(const Position& position) const {
  StepPlace place = parts_.plan;
  place.step = position.steps;
  return place;
}

double Trainer::learning_rate(const Position& position) const {
  return parts_.optimizer.lr * parts_.schedule(place_of(position));
}

void Trainer::save_to(Checkpoint& checkpoint) const {
  checkpoint.model = weights_of(*learner_.model);
  if (parts_.ema) checkpoint.ema = parts_.ema->tensors();
  checkpoint.optimizer = bytes_of(*parts_.optimizer.optimizer);
  if (loss_scale_) checkpoint.scale = loss_scale_->tensors();
}

void Trainer::copy_from(const Checkpoint& checkpoint) {
  apply_weights(*learner_.model, checkpoint.model);
  if (parts_.ema) copy_tensors(checkpoint.ema, parts_.ema->tensors());
  restore(*parts_.optimizer.optimizer, checkpoint.optimizer);
  if (loss_scale_) copy_tensors(checkpoint.scale, loss_scale_->tensors());
}

}  // namespace millrace::training
