#include "millrace/apps/millrace/bench/metrics.h"

#include <cstdio>
#include <functional>

#include "millrace/apps/millrace/bench/spread.h"
#include "millrace/sharing/os/counted.h"

namespace millrace::apps {
namespace {

template <class Of>
std::vector<double> of_windows(const Measurement& measurement, Of of) {
  std::vector<double> values;
  values.reserve(measurement.windows.size());
  for (const Window& window : measurement.windows) values.push_back(std::invoke(of, window));
  return values;
}

template <class Of>
double sum_of_windows(const Measurement& measurement, Of of) {
  double sum = 0;
  for (const Window& window : measurement.windows) sum += static_cast<double>(std::invoke(of, window));
  return sum;
}

std::string how_windows_lie(const Measurement& measurement) {
  const auto& windows = measurement.windows;
  if (windows.size() == 1)
    return "of one window of " + plain_number(windows.front().seconds) + " s, " +
           counted(windows.front().batches, "batch");
  const Spread spread = spread_of(rates_of(measurement));
  return "the median of " + std::to_string(windows.size()) + " windows of " +
         plain_number(median_of(of_windows(measurement, &Window::seconds))) + " s, from " + plain_number(spread.least) +
         " to " + plain_number(spread.most) + ", MAD " + percent(spread.mad / spread.median);
}

void add_rates(const Measurement& measurement, std::vector<BenchMetric>& metrics) {
  const double us_per_batch = 1e6 * median_of(of_windows(measurement, &Window::seconds_per_batch));
  const double seconds = sum_of_windows(measurement, &Window::seconds);
  const double cpu_s = sum_of_windows(measurement, &Window::cpu_s);
  const double samples = sum_of_windows(measurement, &Window::samples);
  const Latencies& next = measurement.next;
  metrics.insert(
      metrics.end(),
      {{"samples_per_s", "samples/s", median_of(rates_of(measurement)), how_windows_lie(measurement)},
       {"mb_per_s", "MB/s (10^6 bytes)", 1e-6 * median_of(of_windows(measurement, &Window::bytes_per_s)),
        "of tensors and texts as the trainer gets them, not of files"},
       {"us_per_batch", "us a batch", us_per_batch, "from one batch to the next"},
       {"ms_per_batch", "ms a batch", us_per_batch / 1e3, "the same: a training step that takes longer never waits"},
       {"cpu_us_per_sample", "CPU us a sample", samples > 0 ? 1e6 * cpu_s / samples : 0,
        "of the trainer and its workers; the workers' by the kernel's ticks of 10 ms"},
       {"processors_busy", "processors busy", cpu_s / seconds, "how many they kept at work together"},
       {"wait_share", "share of time in next() without a batch", sum_of_windows(measurement, &Window::wait_s) / seconds,
        "1: the loader is what takes the time; 0: its batches were there already"},
       {"next_us_p50", "us in next(), median", 1e6 * next.quantile(0.5),
        "of " + counted(next.count(), "call") + ", half were not longer"},
       {"next_us_p90", "us in next(), 90th percentile", 1e6 * next.quantile(0.9), "one in ten was longer"},
       {"next_us_p99", "us in next(), 99th percentile", 1e6 * next.quantile(0.99), "one in a hundred was longer"},
       {"next_us_max", "us in next(), the longest", 1e6 * next.longest(), "a training step waited so long once"}});
  if (measurement.epoch_gaps.count() > 0)
    metrics.push_back(
        {"epoch_gap_us", "us from an epoch to the next", 1e6 * measurement.epoch_gaps.quantile(0.5),
         "to the first batch of an epoch, the median of " + std::to_string(measurement.epoch_gaps.count())});
}

}  // namespace

std::vector<double> rates_of(const Measurement& measurement) { return of_windows(measurement, &Window::samples_per_s); }

std::vector<BenchMetric> metrics_of(const Measurement& measurement) {
  std::vector<BenchMetric> metrics;
  if (!measurement.windows.empty()) add_rates(measurement, metrics);
  metrics.insert(metrics.end(), {{"workers_ready_ms", "ms until all workers were ready", 1e3 * measurement.ready_s,
                                  counted(measurement.workers, "worker") + ", from the making of the loader"},
                                 {"first_batch_ms", "ms from there to the first batch", 1e3 * measurement.first_batch_s,
                                  "what a program waits before its first step"},
                                 {"workers_pss_mb", "MB of memory, workers, idle", measurement.idle_workers_pss_mb,
                                  "PSS, of 2^20 bytes: what n processes share counts 1/n for each"},
                                 {"workers_busy_pss_mb", "MB of memory, workers, at the end",
                                  measurement.workers_pss_mb, "with what they read"},
                                 {"trainer_pss_mb", "MB of memory, trainer, at the end", measurement.trainer_pss_mb,
                                  "with LibTorch and its share of the batches"}});
  return metrics;
}

std::string plain_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value >= 1000 ? "%.0f" : "%.4g", value);
  return text;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof text, "%.1f %%", 100 * share);
  return text;
}

std::string table_line(const char* label, const std::string& value, const std::string& meaning) {
  char line[256];
  std::snprintf(line, sizeof line, "%-40s %12s  %s\n", label, value.c_str(), meaning.c_str());
  return line;
}

std::string trust_in(const Measurement& measurement) {
  constexpr double kRestless = 0.05;
  if (measurement.windows.empty())
    return "One batch says how long the first one takes, and nothing of those behind it.";
  if (measurement.windows.size() == 1)
    return "One window says nothing of how much such numbers differ: without --batches there are ten, after a warm-up.";
  const WarmUp& warm_up = measurement.warm_up;
  std::string text;
  if (warm_up.is_steady)
    text = "Rates were steady after " + plain_number(warm_up.seconds) + " s. ";
  else if (warm_up.batches > 0)
    text = "Rates were not steady after " + plain_number(warm_up.seconds) +
           " s of warm-up (--warmup): other work on this machine, or batches that differ much. ";
  else
    text = "Nothing was warmed up. ";
  const Spread spread = spread_of(rates_of(measurement));
  const double restlessness = spread.mad / spread.median;
  return text +
         (restlessness <= kRestless ? "Windows agree within "
                                    : "Windows differ much; believe no difference that is not far beyond ") +
         percent(restlessness) + " (MAD).";
}

}  // namespace millrace::apps
