#include "millrace/loader/engine/stage_reader.h"

#include <algorithm>

#include "millrace/loader/engine/stage_block.h"

namespace millrace {
namespace {

uint64_t value(const std::atomic<uint64_t>& word) { return word.load(std::memory_order_relaxed); }

void take_slowest(const StageBlock& block, SlowestSample& slowest) {
  const uint64_t ns = value(block.slowest_ns);
  if (ns <= slowest.ns) return;
  slowest = {block.slowest_index_plus_1.load(std::memory_order_relaxed), value(block.slowest_samples), ns};
  if (slowest.index > 0) --slowest.index;
}

}  // namespace

StageReport StageReader::report(uint64_t now_ns) const {
  StageReport report;
  const size_t workers = board_.stage_memory(0).empty() ? 0 : board_.geometry().workers;
  for (size_t w = 0; w < workers; ++w) {
    const StageBlock& block = stage_block(board_.stage_memory(w));
    report.workers.push_back(read(w, now_ns));
    take_slowest(block, report.slowest);
    MeasuringCost& cost = report.cost;
    cost.clock_reads += value(block.clock_reads);
    cost.cpu_clock_reads += value(block.cpu_clock_reads);
    cost.measured_ranges += value(block.measured_ranges);
    cost.ns_per_clock_read += 1e-3 * static_cast<double>(value(block.clock_ps)) / static_cast<double>(workers);
    cost.ns_per_cpu_clock_read += 1e-3 * static_cast<double>(value(block.cpu_clock_ps)) / static_cast<double>(workers);
  }
  return report;
}

WorkerStages StageReader::read(size_t worker, uint64_t now_ns) const {
  const StageBlock& block = stage_block(board_.stage_memory(worker));
  WorkerStages read;
  read.worker = static_cast<int>(worker);
  read.samples = value(block.samples);
  read.ranges = value(block.ranges);
  read.busy_ns = value(block.busy_ns);
  read.wait_ns = value(block.wait_ns);
  read.cpu_ns = value(block.cpu_ns);
  read.cpu_of_ns = value(block.cpu_of_ns);
  for (size_t s = 0; s < kStages; ++s) {
    const StageCounters& from = block.stages[s];
    read.measured[s] = {value(from.calls), value(from.bytes), value(from.ns), value(from.cpu_ns), value(from.of_ns)};
  }
  for (size_t b = 0; b < SampleTimes::kBuckets; ++b)
    read.sample_times.buckets[b] = {value(block.sample_times[b].samples), value(block.sample_times[b].ns)};

  // What it is at has not been added yet, and may be all that it did for a while.
  const Beacon& beacon = board_.beacon(worker);
  const int64_t since = beacon.since_ns.load(std::memory_order_relaxed);
  if (since <= 0 || static_cast<uint64_t>(since) >= now_ns) return read;
  const bool idle = beacon.phase.load(std::memory_order_relaxed) == WorkerPhase::kIdle;
  if (idle && read_by_ == ReadBy::kTrainer) return read;
  (idle ? read.wait_ns : read.busy_ns) += now_ns - static_cast<uint64_t>(since);
  return read;
}

StageSpans StageReader::take_spans() {
  StageSpans spans;
  if (!board_.stage_memory(0).empty())
    for (size_t w = 0; w < board_.geometry().workers; ++w) take_spans(w, spans);
  return spans;
}

void StageReader::take_spans(size_t worker, StageSpans& to) {
  const SpanRing* const ring = span_ring(board_.stage_memory(worker));
  if (ring == nullptr) return;
  // Acquire: pairs with the release in StageRecorder::push().
  const uint64_t written = ring->written.load(std::memory_order_acquire);
  uint64_t& taken = taken_[worker];
  if (written < taken) taken = written;  // Overwritten; there is no saying what is new.
  const uint64_t oldest = written > SpanRing::kSpans ? written - SpanRing::kSpans : 0;
  const uint64_t first = std::max(taken, oldest);
  std::vector<StageSpan> copies;
  for (uint64_t at = first; at < written; ++at) {
    const SpanRing::Span& span = ring->spans[at % SpanRing::kSpans];
    const uint64_t stage = value(span.stage);
    StageSpan copy{static_cast<int>(worker), static_cast<Stage>(stage < kStages ? stage : 0),
                   span.sample.load(std::memory_order_relaxed), value(span.start_ns), value(span.end_ns)};
    if (copy.end_ns < copy.start_ns) copy.end_ns = copy.start_ns;
    copies.push_back(copy);
  }
  // What the worker wrote meanwhile may have gone over the oldest copies.
  std::atomic_thread_fence(std::memory_order_acquire);
  const uint64_t now_written = ring->written.load(std::memory_order_relaxed);
  uint64_t overwritten = now_written > SpanRing::kSpans ? now_written - SpanRing::kSpans + 1 : 0;
  overwritten = std::clamp(overwritten, first, written);
  to.spans.insert(to.spans.end(), copies.begin() + static_cast<std::ptrdiff_t>(overwritten - first), copies.end());
  to.lost += overwritten - taken;
  taken = written;
}

}  // namespace millrace
