#include "millrace/apps/millrace/bench/training_steps.h"

#include <ATen/Parallel.h>

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/bench/breakdown.h"
#include "millrace/apps/millrace/bench/spread.h"
#include "millrace/apps/millrace/clock.h"
#include "millrace/apps/millrace/train/setup.h"
#include "millrace/training/data.h"
#include "millrace/training/trainer.h"
#include "millrace/training/trainer_parts.h"
#include "millrace/training/trial.h"

namespace millrace::apps {
namespace {

// Watches a trainer's steps until there were as many windows as the plan has.
class StepWatch {
 public:
  StepWatch(const Plan& plan, const training::Split& split) : plan_(plan), split_(split) {}

  training::Trainer::Watchers watchers() {
    training::Trainer::Watchers watchers;
    watchers.given = [this](const Batch& batch) { begin_step(batch.size()); };
    watchers.batch = [this](const training::Position&, const std::function<double()>& loss) {
      loss();  // Waits for the device.
      end_step();
    };
    watchers.go_on = [this](const std::function<void()>&) { return !is_done(); };
    return watchers;
  }

  bool is_done() const { return static_cast<int64_t>(windows_.size()) >= plan_.windows; }
  Stepped seen() const { return {windows_, watch_->breakdown()}; }  // REQUIRES: is_done().
  double step_s() const { return median_of(steps_); }

 private:
  // Of them the first may take long, since a device is made ready, and the next are of batches that waited for it.
  static constexpr int64_t kMostWarmUp = 12;

  void begin_step(int64_t samples) {
    begun_ = Clock::now();
    samples_ = samples;
  }

  void end_step() {
    const auto now = Clock::now();
    if (watch_) count(now);
    ended_ = now;
    ++warm_up_steps_;
    const bool is_warm = warm_up_steps_ >= kMostWarmUp || seconds_since(start_) >= plan_.warm_up_s;
    if (is_warm && !watch_) begin_watch();
  }

  void begin_watch() {
    const DataLoader& loader = *split_.loader;
    watch_.emplace(loader, split_.has_indices ? 0 : loader.options().num_streams());
  }

  void count(Clock::time_point now) {
    const double step_s = std::chrono::duration<double>(now - begun_).count();
    steps_.push_back(step_s);
    window_.step_s += step_s;
    window_.wait_s += std::chrono::duration<double>(begun_ - ended_).count();
    window_.seconds = window_.step_s + window_.wait_s;
    ++window_.batches;
    window_.samples += samples_;
    if (window_.seconds < plan_.window_s) return;
    windows_.push_back(window_);
    window_ = {};
  }

  const Plan& plan_;
  const training::Split& split_;
  const Clock::time_point start_ = Clock::now();
  Clock::time_point begun_, ended_;  // Of a step, the last one.
  int64_t samples_ = 0;              // In its batch.
  int64_t warm_up_steps_ = 0;
  std::optional<LoaderWatch> watch_;  // From the end of the warm-up on.
  std::vector<double> steps_;         // Seconds.
  Window window_;
  std::vector<Window> windows_;
};

// LibTorch's threads as training has them, for as long as it lasts.
class TrainerThreads {
 public:
  explicit TrainerThreads(const DataLoader& loader) { at::set_num_threads(training::trainer_threads(loader)); }
  ~TrainerThreads() { at::set_num_threads(before_); }
  TrainerThreads(const TrainerThreads&) = delete;
  TrainerThreads& operator=(const TrainerThreads&) = delete;

 private:
  const int before_ = at::get_num_threads();
};

std::string name_of_model(const configs::Node& model) {
  return model.value().kind == configs::Value::Kind::kMap ? model["type"].value().text : model.value().text;
}

}  // namespace

TrainingSteps measure_training_steps(const configs::Node& run, const ProgramTypes& types, const Plan& plan) {
  Setup made(run, types, Profile::kTimes, /*workers=*/std::nullopt);
  training::try_model(run, made.learner, *made.task, made.split);

  const TrainerThreads threads(*made.split.loader);
  StepWatch watch(plan, made.split);
  while (!watch.is_done()) {
    training::Position beginning;  // Where the schedule begins, however often the data comes again.
    made.trainer.epoch(made.split, beginning, watch.watchers());
  }
  Demand step{.name = name_of_model(run["model"]) + " on " + made.device.str(),
              .step_s = watch.step_s(),
              .takes_processors = made.device.is_cpu()};
  return {std::move(step), watch.seen()};
}

}  // namespace millrace::apps
