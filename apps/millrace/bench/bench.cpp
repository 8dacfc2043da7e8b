#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>
#include <torch/headeronly/version.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/clock.h"
#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/loss_summary.h"
#include "millrace/apps/millrace/process_stats.h"
#include "millrace/apps/millrace/synthetic.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/build.h"
#include "millrace/configs/read_keys.h"
#include "millrace/configs/tables/bench_keys.h"
#include "millrace/loader/data_loader.h"

namespace millrace::apps {
namespace {

constexpr int64_t kWarmupBatches = 12;

enum class Read { kNone, kAll };

Read read_bench_section(const configs::Node& run) {
  const auto node = run.find("bench");
  if (!node) return Read::kNone;
  configs::Section section(*node);
  const auto keys = configs::read_keys<configs::tables::Bench>(section);
  return configs::meaning_of<Read>(keys.read, {{"none", Read::kNone}, {"all", Read::kAll}});
}

void refuse_transforms(const std::optional<configs::Node>& transforms) {
  if (transforms) throw transforms->error("are for pictures; remove them for this type of dataset");
}

Filled open_filled(const configs::Node& dataset, const std::optional<configs::Node>& transforms) {
  refuse_transforms(transforms);
  configs::Section keys(dataset);
  keys.find("type");
  const auto size = keys.get<int64_t>("size");
  const auto dtype = keys.choice<c10::ScalarType>(
      "dtype",
      {{"uint8", c10::ScalarType::Byte}, {"int64", c10::ScalarType::Long}, {"float32", c10::ScalarType::Float}},
      c10::ScalarType::Float);
  auto shape = keys.get<std::vector<int64_t>>("shape");
  keys.finish();
  return configs::build_at(dataset, [&] { return Filled(size, dtype, std::move(shape)); });
}

Rows open_rows(const configs::Node& dataset, const std::optional<configs::Node>& transforms) {
  refuse_transforms(transforms);
  configs::Section keys(dataset);
  keys.find("type");
  const auto size = keys.get<int64_t>("size");
  const auto width = keys.get<int64_t>("width");
  const auto seed = keys.get<uint64_t>("seed", 0);
  keys.finish();
  return configs::build_at(dataset, [&] { return Rows(size, width, seed); });
}

// Reads every byte: the sum of the tensor's 64-bit words, and of the bytes behind the last whole one.
int64_t sum_of_words(const at::Tensor& tensor) {
  const auto bytes = tensor.view(-1).view(at::kByte);
  const int64_t rest = bytes.numel() % int64_t{sizeof(int64_t)};
  const int64_t whole = bytes.numel() - rest;
  return bytes.narrow(0, 0, whole).view(at::kLong).sum().item<int64_t>() +
         bytes.narrow(0, whole, rest).sum().item<int64_t>();
}

// Batches without end, over as many epochs as it takes, read as the configuration says.
class Consumer {
 public:
  Consumer(const configs::Node& run, const configs::DatasetTypes& types) : read_(read_bench_section(run)) {
    const auto options = configs::read_loader_options(run.section("loader"));
    const auto dataset = types.open(run.section("loader"));
    const auto start = Clock::now();
    loader_ = dataset.make_loader(options);
    loader_->wait_ready();
    ready_s_ = seconds_since(start);
    if (loader_->size() == 0)
      throw run.section("loader").error(
          "an epoch has no batch: drop_last drops the only one; use a smaller batch_size");
  }

  // The next batch, which lives until it has been read.
  void take() {
    const auto asked = Clock::now();
    auto batch = loader_->next();
    if (!batch) batch = loader_->next();  // An epoch ended.
    if (!batch) fail_empty();
    next_s_ = seconds_since(asked);
    samples_ += batch->size();
    ++batches_;
    if (read_ == Read::kAll)
      for (const auto& field : loader_->spec().fields) checksum_ += sum_of_words((*batch)[field.name]);
  }

  std::vector<pid_t> worker_pids() const { return loader_->worker_pids(); }
  LoaderStats stats() const { return loader_->stats(); }

  double ready_s() const { return ready_s_; }  // From the loader's making to its workers' being ready.
  double next_s() const { return next_s_; }    // How long the last take() waited.
  int64_t batches() const { return batches_; }
  int64_t samples() const { return samples_; }

  // Bytes of tensors in those samples.
  double bytes() const {
    size_t sample_bytes = 0;
    for (const auto& field : loader_->spec().fields) sample_bytes += field.bytes();
    return static_cast<double>(samples_) * static_cast<double>(sample_bytes);
  }

  int64_t checksum() const { return checksum_; }  // Sum of all bytes as 64-bit words, when they are read.

 private:
  // Such epochs would follow each other for ever.
  [[noreturn]] void fail_empty() const {
    const LoaderStats stats = loader_->stats();
    if (stats.skipped_samples == 0) throw std::runtime_error("an epoch had no sample");
    throw std::runtime_error("an epoch had no sample: none could be read, " + std::to_string(stats.skipped_samples) +
                             " were left out so far, the last error: " + stats.last_error);
  }

  Read read_;
  std::unique_ptr<DataLoader> loader_;
  double ready_s_ = 0;
  double next_s_ = 0;
  int64_t batches_ = 0;
  int64_t samples_ = 0;
  int64_t checksum_ = 0;
};

struct Window {
  double seconds = 0;
  double cpu_s = 0;
  double batches = 0;
  double samples = 0;
  double bytes = 0;

  double samples_per_s() const { return samples / seconds; }
};

// Takes batches for so many seconds; appends how long each next() took.
Window measure(Consumer& consumer, double seconds, std::vector<double>& next_s) {
  const Window before{0, cpu_seconds(consumer.worker_pids()), static_cast<double>(consumer.batches()),
                      static_cast<double>(consumer.samples()), consumer.bytes()};
  Window window;
  const auto start = Clock::now();
  do {
    consumer.take();
    next_s.push_back(consumer.next_s());
    window.seconds = seconds_since(start);
  } while (window.seconds < seconds);
  window.cpu_s = cpu_seconds(consumer.worker_pids()) - before.cpu_s;
  window.batches = static_cast<double>(consumer.batches()) - before.batches;
  window.samples = static_cast<double>(consumer.samples()) - before.samples;
  window.bytes = consumer.bytes() - before.bytes;
  return window;
}

// The value below which a share `q` of the values lies (nearest rank). REQUIRES: values not empty.
double quantile(std::vector<double> values, double q) {
  const auto rank = static_cast<size_t>(std::ceil(q * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

template <class Of>
std::vector<double> each(const std::vector<Window>& windows, Of of) {
  std::vector<double> values;
  values.reserve(windows.size());
  for (const auto& window : windows) values.push_back(std::invoke(of, window));
  return values;
}

double median(const std::vector<double>& values) { return quantile(values, 0.5); }

struct Metric {
  const char* name;   // In JSON.
  const char* label;  // In the table.
  double value;
};

// Four digits, and no exponent, which is hard to read beside its neighbours.
std::string plain_number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value >= 1000 ? "%.0f" : "%.4g", value);
  return text;
}

void print_table(const std::vector<Metric>& metrics) {
  for (const auto& metric : metrics) std::printf("%-40s %12s\n", metric.label, plain_number(metric.value).c_str());
}

}  // namespace

void add_bench_datasets(configs::DatasetTypes& types) { types.add("filled", open_filled).add("rows", open_rows); }

void bench(const configs::Node& run, const commands::Bench& options, const ProgramTypes& types) {
  // The trainer's own work, reading a batch, is done by one thread, so that it can be compared.
  at::set_num_threads(1);
  Consumer consumer(run, types.datasets);
  if (options.batches > 0) {
    while (consumer.batches() < options.batches) consumer.take();
    return;
  }
  const double idle_pss_mb = pss_mb(consumer.worker_pids());
  consumer.take();
  const double first_batch_s = consumer.next_s();

  const auto warm_start = Clock::now();
  while (consumer.batches() < kWarmupBatches || seconds_since(warm_start) < options.warmup_s) consumer.take();

  std::vector<Window> windows;
  windows.reserve(static_cast<size_t>(options.repeats));
  std::vector<double> next_s;
  for (int64_t i = 1; i <= options.repeats; ++i) {
    windows.push_back(measure(consumer, options.window_s, next_s));
    std::fprintf(stderr, "window %ld/%ld: %.0f samples/s\n", i, options.repeats, windows.back().samples_per_s());
  }
  if (const auto losses = loss_summary("while measuring", consumer.stats()); !losses.empty())
    std::fprintf(stderr, "%s\n", losses.c_str());
  const auto rates = each(windows, &Window::samples_per_s);
  const auto us_per_batch = median(each(windows, [](const Window& w) { return 1e6 * w.seconds / w.batches; }));
  const std::vector<Metric> metrics{
      {"samples_per_s", "samples/s", median(rates)},
      {"mb_per_s", "MB/s (10^6 bytes)",
       median(each(windows, [](const Window& w) { return 1e-6 * w.bytes / w.seconds; }))},
      {"us_per_batch", "us a batch", us_per_batch},
      {"ms_per_batch", "ms a batch", us_per_batch / 1e3},
      {"cpu_us_per_sample", "CPU us a sample, trainer and workers",
       median(each(windows, [](const Window& w) { return 1e6 * w.cpu_s / w.samples; }))},
      {"next_us_p50", "us in next(), median", 1e6 * quantile(next_s, 0.5)},
      {"next_us_p99", "us in next(), 99th percentile", 1e6 * quantile(next_s, 0.99)},
      {"workers_ready_ms", "ms until all workers were ready", 1e3 * consumer.ready_s()},
      {"first_batch_ms", "ms from there to the first batch", 1e3 * first_batch_s},
      {"workers_pss_mb", "MB of memory (PSS), workers, idle", idle_pss_mb},
      {"workers_busy_pss_mb", "MB of memory (PSS), workers, at the end", pss_mb(consumer.worker_pids())},
      {"trainer_pss_mb", "MB of memory (PSS), trainer, at the end", pss_mb(getpid())},
  };
  if (!options.file.json) return print_table(metrics);

  nlohmann::json values;
  for (const auto& metric : metrics) values[metric.name] = metric.value;
  std::cout << nlohmann::json{{"versions", std::string("LibTorch ") + TORCH_VERSION},
                              {"metrics", values},
                              {"samples_per_s_of_windows", rates},
                              {"check",
                               {{"workers", consumer.worker_pids().size()},
                                {"worker_deaths", consumer.stats().worker_deaths},
                                {"skipped_samples", consumer.stats().skipped_samples},
                                {"bytes_per_batch", windows.back().bytes / windows.back().batches},
                                {"checksum", consumer.checksum()}}}}
            << '\n';
}

}  // namespace millrace::apps
