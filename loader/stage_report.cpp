#include "millrace/loader/stage_report.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace millrace {
namespace {

// Words that a process may have scribbled on can go down; then nothing is said to have happened.
uint64_t less(uint64_t later, uint64_t before) { return later > before ? later - before : 0; }

double ratio(uint64_t part, uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

SampleTimes less(const SampleTimes& later, const SampleTimes& before) {
  SampleTimes times;
  for (size_t b = 0; b < SampleTimes::kBuckets; ++b)
    times.buckets[b] = {less(later.buckets[b].samples, before.buckets[b].samples),
                        less(later.buckets[b].ns, before.buckets[b].ns)};
  return times;
}

WorkerStages less(const WorkerStages& later, const WorkerStages& before) {
  WorkerStages worker = later;
  worker.samples = less(later.samples, before.samples);
  worker.ranges = less(later.ranges, before.ranges);
  worker.busy_ns = less(later.busy_ns, before.busy_ns);
  worker.wait_ns = less(later.wait_ns, before.wait_ns);
  if (later.cpu_of_ns > before.cpu_of_ns) {  // Else what is known from before is the best guess.
    worker.cpu_of_ns = later.cpu_of_ns - before.cpu_of_ns;
    worker.cpu_ns = less(later.cpu_ns, before.cpu_ns);
  }
  worker.sample_times = less(later.sample_times, before.sample_times);
  for (size_t s = 0; s < kStages; ++s) {
    const auto& from = before.measured[s];
    auto& measured = worker.measured[s];
    measured.calls = less(measured.calls, from.calls);
    measured.bytes = less(measured.bytes, from.bytes);
    measured.ns = less(measured.ns, from.ns);
    if (measured.of_ns <= from.of_ns) continue;  // Not asked since: what is known from before is the best guess.
    measured.of_ns -= from.of_ns;
    measured.cpu_ns = less(measured.cpu_ns, from.cpu_ns);
  }
  return worker;
}

}  // namespace

StageTime& StageTime::operator+=(const StageTime& other) {
  wall_s += other.wall_s;
  cpu_s += other.cpu_s;
  calls += other.calls;
  bytes += other.bytes;
  return *this;
}

// --- sample times ---

uint64_t SampleTimes::samples() const {
  uint64_t sum = 0;
  for (const Bucket& bucket : buckets) sum += bucket.samples;
  return sum;
}

double SampleTimes::seconds() const {
  double sum = 0;
  for (const Bucket& bucket : buckets) sum += 1e-9 * static_cast<double>(bucket.ns);
  return sum;
}

double SampleTimes::median_ns() const {
  const uint64_t half = (samples() + 1) / 2;
  uint64_t sum = 0;
  for (const Bucket& bucket : buckets) {
    sum += bucket.samples;
    if (sum > 0 && sum >= half) return ratio(bucket.ns, bucket.samples);
  }
  return 0;
}

SampleTimes::Bucket SampleTimes::slowest(uint64_t most, double ns) const {
  Bucket slowest;
  for (size_t b = kBuckets - 1; b > 0 && std::ldexp(0.5, static_cast<int>(b)) >= ns; --b) {
    if (slowest.samples + buckets[b].samples > most) break;
    slowest.samples += buckets[b].samples;
    slowest.ns += buckets[b].ns;
  }
  return slowest;
}

SampleTimes& SampleTimes::operator+=(const SampleTimes& other) {
  for (size_t b = 0; b < kBuckets; ++b) {
    buckets[b].samples += other.buckets[b].samples;
    buckets[b].ns += other.buckets[b].ns;
  }
  return *this;
}

// --- one worker ---

double WorkerStages::wall_s(Stage stage) const {
  if (stage == Stage::kWait) return wait_s();
  uint64_t all = 0;
  for (const Stage other : kAllStages)
    if (other != Stage::kWait) all += measured[static_cast<size_t>(other)].ns;
  // Without a measured range, nothing is known but the time of all.
  const double share = all > 0 ? ratio(measured[static_cast<size_t>(stage)].ns, all) : stage == Stage::kGet ? 1 : 0;
  return busy_s() * share;
}

double WorkerStages::cpu_s_as_measured(Stage stage) const {
  const Measured& own = measured[static_cast<size_t>(stage)];
  return wall_s(stage) * ratio(own.cpu_ns, own.of_ns);
}

double WorkerStages::cpu_s_as_measured() const {
  double sum = 0;
  for (const Stage stage : kAllStages) sum += cpu_s_as_measured(stage);
  return sum;
}

StageTime WorkerStages::operator[](Stage stage) const {
  const Measured& own = measured[static_cast<size_t>(stage)];
  const double all_cpu_s = cpu_s_as_measured();
  // Few ranges of tiny samples are measured, and a worker is seldom put off its processor in one of them.
  const double scale = all_cpu_s > 0 ? cpu_s() / all_cpu_s : 0;
  return {wall_s(stage), scale * cpu_s_as_measured(stage), own.calls, own.bytes};
}

double WorkerStages::cpu_s() const { return (busy_s() + wait_s()) * ratio(cpu_ns, cpu_of_ns); }

double MeasuringCost::seconds() const {
  return 1e-9 * (static_cast<double>(clock_reads) * ns_per_clock_read +
                 static_cast<double>(cpu_clock_reads) * ns_per_cpu_clock_read);
}

// --- all workers ---

StageTime StageReport::operator[](Stage stage) const {
  StageTime sum;
  for (const WorkerStages& worker : workers) sum += worker[stage];
  return sum;
}

uint64_t StageReport::samples() const {
  uint64_t sum = 0;
  for (const WorkerStages& worker : workers) sum += worker.samples;
  return sum;
}

double StageReport::busy_s() const {
  double sum = 0;
  for (const WorkerStages& worker : workers) sum += worker.busy_s();
  return sum;
}

double StageReport::wait_s() const {
  double sum = 0;
  for (const WorkerStages& worker : workers) sum += worker.wait_s();
  return sum;
}

double StageReport::cpu_s() const {
  double sum = 0;
  for (const WorkerStages& worker : workers) sum += worker.cpu_s();
  return sum;
}

SampleTimes StageReport::sample_times() const {
  SampleTimes sum;
  for (const WorkerStages& worker : workers) sum += worker.sample_times;
  return sum;
}

StageReport StageReport::since(const StageReport& before) const {
  StageReport report = *this;
  for (size_t w = 0; w < std::min(workers.size(), before.workers.size()); ++w)
    report.workers[w] = less(workers[w], before.workers[w]);
  report.cost.clock_reads = less(cost.clock_reads, before.cost.clock_reads);
  report.cost.cpu_clock_reads = less(cost.cpu_clock_reads, before.cost.cpu_clock_reads);
  report.cost.measured_ranges = less(cost.measured_ranges, before.cost.measured_ranges);
  return report;
}

}  // namespace millrace
