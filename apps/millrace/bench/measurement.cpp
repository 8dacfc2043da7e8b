#include "millrace/apps/millrace/bench/measurement.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "millrace/apps/millrace/clock.h"
#include "millrace/apps/millrace/process_stats.h"

namespace millrace::apps {
namespace {

// What is seen of a consumer while it takes batches.
class Observation {
 public:
  Observation(Consumer& consumer, Measurement& measurement) : consumer_(consumer), measurement_(measurement) {}

  void begin() {
    measurement_.ready_s = consumer_.ready_s();
    measurement_.idle_workers_pss_mb = pss_mb(consumer_.worker_pids());
    measurement_.first_batch_s = consumer_.take().next_s;
  }

  // Until rates agree, and what was prefetched before the first batch was asked for is gone.
  void warm_up(const Plan& plan) {
    if (plan.warm_up_s == 0) return;
    auto& warm_up = measurement_.warm_up;
    const auto start = Clock::now();
    const double probe_s = std::min(kProbe, plan.window_s);
    std::vector<double> rates;
    while (warm_up.seconds < plan.warm_up_s && !(warm_up.is_steady && warm_up.batches >= kLeastWarmUp)) {
      const auto probe = take_for(probe_s);
      rates.push_back(probe.samples_per_s());
      warm_up.batches += probe.batches;
      warm_up.seconds = seconds_since(start);
      warm_up.is_steady = agree(rates);
    }
  }

  void window(double seconds) {
    observe([&] {
      Window window;
      while (window.seconds < seconds) add(take_for(seconds / kMomentsOfWindow), window);
      return window;
    });
  }

  void window_of(int64_t batches) {
    observe([&] {
      const auto before = consumer_.counts();
      const auto start = Clock::now();
      for (int64_t i = 0; i < batches; ++i) take();
      return between(before, seconds_since(start));
    });
  }

  void end() {
    if (watch_) measurement_.breakdown = watch_->breakdown();
    measurement_.workers_pss_mb = pss_mb(consumer_.worker_pids());
    measurement_.trainer_pss_mb = pss_mb(getpid());
    measurement_.workers = static_cast<int64_t>(consumer_.worker_pids().size());
    measurement_.stats = consumer_.stats();
    measurement_.counts = consumer_.counts();
    measurement_.checksum = consumer_.checksum();
  }

 private:
  static constexpr double kProbe = 0.2;  // Seconds.
  static constexpr int64_t kLeastWarmUp = 12;
  static constexpr double kMomentsOfWindow = 10;

  // Whether the last three rates differ by at most a twentieth.
  static bool agree(const std::vector<double>& rates) {
    constexpr size_t kLast = 3;
    constexpr double kDifference = 0.05;
    if (rates.size() < kLast) return false;
    const auto [least, most] = std::minmax_element(rates.end() - kLast, rates.end());
    return *most - *least <= kDifference * *most;
  }

  // Does what gives a window, and completes that.
  template <class Body>
  void observe(Body body) {
    if (!watch_) watch_.emplace(consumer_.loader(), consumer_.streams());
    const double cpu_s = cpu_seconds(consumer_.worker_pids());
    const double wait_s = consumer_.stats().wait_seconds;
    is_in_window_ = true;
    Window window = body();
    is_in_window_ = false;
    window.cpu_s = cpu_seconds(consumer_.worker_pids()) - cpu_s;
    window.wait_s = consumer_.stats().wait_seconds - wait_s;
    measurement_.windows.push_back(window);
  }

  void take() {
    const auto taken = consumer_.take();
    if (!is_in_window_) return;
    measurement_.next.add(taken.next_s);
    if (taken.is_first_of_epoch) measurement_.epoch_gaps.add(taken.next_s);
  }

  Window between(const Consumer::Counts& before, double seconds) const {
    const auto& now = consumer_.counts();
    Window window;
    window.seconds = seconds;
    window.step_s = now.step_s - before.step_s;
    window.batches = now.batches - before.batches;
    window.samples = now.samples - before.samples;
    window.bytes = now.bytes - before.bytes;
    return window;
  }

  // Takes a batch at least.
  Window take_for(double seconds) {
    const auto before = consumer_.counts();
    const auto start = Clock::now();
    double passed = 0;
    do {
      take();
      passed = seconds_since(start);
    } while (passed < seconds);
    const Window window = between(before, passed);
    measurement_.moments.push_back({seconds_since(start_), window.samples_per_s()});
    return window;
  }

  static void add(const Window& part, Window& window) {
    window.seconds += part.seconds;
    window.step_s += part.step_s;
    window.batches += part.batches;
    window.samples += part.samples;
    window.bytes += part.bytes;
  }

  Consumer& consumer_;
  Measurement& measurement_;
  const Clock::time_point start_ = Clock::now();
  bool is_in_window_ = false;
  std::optional<LoaderWatch> watch_;  // From the first window on.
};

void measure_windows(Observation& observation, const Plan& plan, const Tell& tell, const Measurement& measurement) {
  observation.warm_up(plan);
  for (int64_t i = 1; i <= plan.windows; ++i) {
    observation.window(plan.window_s);
    char line[96];
    std::snprintf(line, sizeof line, "window %ld/%ld: %.0f samples/s", i, plan.windows,
                  measurement.windows.back().samples_per_s());
    tell(line);
  }
  observation.end();
}

}  // namespace

Measurement measure(Consumer& consumer, const Plan& plan, const Tell& tell) {
  Measurement measurement;
  Observation observation(consumer, measurement);
  observation.begin();
  measure_windows(observation, plan, tell, measurement);
  return measurement;
}

Measurement measure_with_step(Consumer& consumer, const Plan& plan, Consumer::Step step) {
  Measurement measurement;
  Observation observation(consumer, measurement);
  consumer.set_step(std::move(step));
  measure_windows(observation, plan, [](const std::string&) {}, measurement);
  consumer.set_step({});
  return measurement;
}

void add_windows(const Measurement& other, Measurement& measurement) {
  Measurement both = other;
  both.windows = measurement.windows;
  both.windows.insert(both.windows.end(), other.windows.begin(), other.windows.end());
  both.next.add(measurement.next);
  both.epoch_gaps.add(measurement.epoch_gaps);
  measurement = std::move(both);
}

Measurement measure_batches(Consumer& consumer, int64_t batches) {
  Measurement measurement;
  Observation observation(consumer, measurement);
  observation.begin();
  if (batches > 1) observation.window_of(batches - 1);
  observation.end();
  return measurement;
}

}  // namespace millrace::apps
