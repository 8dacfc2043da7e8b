// How far the measured stages of workers are to be believed, and what measuring costs:
//
//   stages PHOTOS    PHOTOS is a directory of classes with pictures, as ImageFolder reads it
//
// For pictures and for tiny samples it prints, of ten runs each, the processor's time of all stages beside that which
// the kernel says of the worker process (what getrusage adds up), and how often a clock was looked at for a sample. For
// tiny samples also the rate with and without measuring, taken in turns.
#include <time.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/images/datasets/image_folder.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/sharing/process/init.h"

namespace {

using namespace millrace;

constexpr int kRuns = 10;

// Eight bytes a sample: the loader is all that costs.
struct Tiny {
  size_t size() const { return 1'000'000; }
  SampleSpec spec() const { return {{"x", c10::ScalarType::Long, {}}}; }
  void read(size_t i, SampleRow& row, SampleContext&) const { row.set<int64_t>("x", static_cast<int64_t>(i)); }
  template <class Archive>
  void serialize(Archive&) {}
};

double seconds_of(clockid_t clock) {
  timespec time = {};
  if (::clock_gettime(clock, &time) != 0) throw std::runtime_error("a worker has ended");
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

double cpu_seconds_of(pid_t pid) {
  clockid_t clock = 0;
  if (::clock_getcpuclockid(pid, &clock) != 0) throw std::runtime_error("a worker has ended");
  return seconds_of(clock);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return (values[values.size() / 2] + values[(values.size() - 1) / 2]) / 2;
}

struct Run {
  double samples_per_s = 0;
  double agreement = 0;             // Time of all stages on the processor, by that of the kernel.
  double cost = 0;                  // Of looks, by the workers' busy time.
  double looks = 0, cpu_looks = 0;  // A sample.
  double busy_ns = 0;               // A sample.
  MeasuringCost prices = {};
};

void take(DataLoader& loader, int64_t batches) {
  for (int64_t b = 0; b < batches; ++b)
    if (!loader.next()) loader.next();
}

template <class D>
Run run(const D& dataset, DataLoaderOptions options, int64_t batches) {
  auto loader = make_data_loader(dataset, options.num_workers(1));
  loader->wait_ready();
  take(*loader, batches / 10);
  const pid_t worker = loader->worker_pids().at(0);
  const StageReport before = loader->stages();
  const double cpu_before = cpu_seconds_of(worker), start = seconds_of(CLOCK_MONOTONIC);
  take(*loader, batches);
  const double cpu_s = cpu_seconds_of(worker) - cpu_before, seconds = seconds_of(CLOCK_MONOTONIC) - start;
  const StageReport report = loader->stages().since(before);
  const auto samples = static_cast<double>(report.samples());
  return {static_cast<double>(batches * options.batch_size()) / seconds,
          report.cpu_s() / cpu_s,
          report.cost.seconds() / report.busy_s(),
          static_cast<double>(report.cost.clock_reads) / samples,
          static_cast<double>(report.cost.cpu_clock_reads) / samples,
          1e9 * report.busy_s() / samples,
          report.cost};
}

template <class Of>
double median_of(const std::vector<Run>& runs, Of of) {
  std::vector<double> values;
  for (const Run& each : runs) values.push_back(of(each));
  return median(values);
}

void print(const char* name, const std::vector<Run>& runs) {
  std::printf("%s, medians of %d runs of 1 worker:\n", name, kRuns);
  std::printf("  busy a sample                     %10.1f ns\n",
              median_of(runs, [](const Run& r) { return r.busy_ns; }));
  std::printf("  CPU of stages / CPU of the kernel %10.3f\n",
              median_of(runs, [](const Run& r) { return r.agreement; }));
  std::printf("  looks at the clock a sample       %10.5f of %.1f ns\n",
              median_of(runs, [](const Run& r) { return r.looks; }),
              median_of(runs, [](const Run& r) { return r.prices.ns_per_clock_read; }));
  std::printf("  looks at the processor's a sample %10.5f of %.1f ns\n",
              median_of(runs, [](const Run& r) { return r.cpu_looks; }),
              median_of(runs, [](const Run& r) { return r.prices.ns_per_cpu_clock_read; }));
  std::printf("  all looks / busy time             %10.3f %%\n",
              100 * median_of(runs, [](const Run& r) { return r.cost; }));
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  if (argc != 2) {
    std::fprintf(stderr, "usage: stages PHOTOS\n");
    return 1;
  }
  const auto photos = ImageFolder(argv[1]).transform(transforms::RandomResizedCrop(224));
  const DataLoaderOptions of_photos = DataLoaderOptions(8).profile(Profile::kTimes);
  const DataLoaderOptions of_tiny = DataLoaderOptions(256);
  std::vector<Run> pictures, tiny, unmeasured;
  for (int i = 0; i < kRuns; ++i) {
    pictures.push_back(run(photos, of_photos, 50));
    tiny.push_back(run(Tiny{}, DataLoaderOptions(of_tiny).profile(Profile::kTimes), 20'000));
  }
  print("pictures", pictures);
  print("tiny samples", tiny);
  for (int i = 0; i < kRuns; ++i) {
    tiny[static_cast<size_t>(i)] = run(Tiny{}, DataLoaderOptions(of_tiny).profile(Profile::kTimes), 20'000);
    auto loader = make_data_loader(Tiny{}, DataLoaderOptions(of_tiny).num_workers(1));
    loader->wait_ready();
    take(*loader, 2'000);
    const double start = seconds_of(CLOCK_MONOTONIC);
    take(*loader, 20'000);
    unmeasured.push_back({.samples_per_s = 20'000.0 * 256 / (seconds_of(CLOCK_MONOTONIC) - start)});
  }
  const auto rate = [](const Run& r) { return r.samples_per_s; };
  std::printf("tiny samples a second: %.4g measured, %.4g not\n", median_of(tiny, rate), median_of(unmeasured, rate));
  return 0;
}
