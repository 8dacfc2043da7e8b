#include "millrace/loader/engine/stage_recorder.h"

#include <algorithm>
#include <bit>
#include <ctime>
#include <limits>

namespace millrace {
namespace {

constexpr double kProcessorShare = 0.005;     // Of a worker's time, for looks where the processor's clock is read too.
constexpr double kTransitionsShare = 0.0025;  // For looks at the clock alone.
constexpr double kAccountShare = 0.001;       // For looks at the processor's clock between ranges.
constexpr double kMostSaved = 1e6;            // Nanoseconds that are saved up at most, for when samples become short.
constexpr double kNews = 0.125;               // The weight of the last range in what is usual.

uint64_t ns_of(clockid_t clock) {
  timespec time = {};
  ::clock_gettime(clock, &time);
  return static_cast<uint64_t>(time.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(time.tv_nsec);
}

/// The mean of the quickest of some rounds: others were interrupted.
template <class Look>
double price_of(const Look& look) {
  constexpr int kRounds = 4, kLooks = 16;
  uint64_t best = std::numeric_limits<uint64_t>::max();
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t start = ns_of(CLOCK_MONOTONIC);
    for (int i = 0; i < kLooks; ++i) look();
    best = std::min(best, ns_of(CLOCK_MONOTONIC) - start);
  }
  return static_cast<double>(best) / kLooks;
}

/// One thread adds, so no exchange is needed.
void add(std::atomic<uint64_t>& sum, uint64_t more) {
  sum.store(sum.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

uint64_t between(uint64_t start, uint64_t end, double overhead_ns = 0) {
  const auto overhead = static_cast<uint64_t>(overhead_ns);
  return end > start + overhead ? end - start - overhead : 0;
}

void move_towards(double& usual, double now) { usual = usual == 0 ? now : usual + kNews * (now - usual); }

}  // namespace

uint64_t ThreadClock::now() { return ns_of(CLOCK_MONOTONIC); }
uint64_t ThreadClock::cpu_now() { return ns_of(CLOCK_THREAD_CPUTIME_ID); }

StageClock::Prices ThreadClock::prices() {
  return {price_of([] { ns_of(CLOCK_MONOTONIC); }), price_of([] { ns_of(CLOCK_THREAD_CPUTIME_ID); })};
}

StageRecorder::StageRecorder(StageBlock& block, SpanRing* ring, StageClock& clock)
    : block_(block), ring_(ring), clock_(clock), prices_(clock.prices()) {
  block_.clock_ps.store(static_cast<uint64_t>(1e3 * prices_.clock_ns), std::memory_order_relaxed);
  block_.cpu_clock_ps.store(static_cast<uint64_t>(1e3 * prices_.cpu_clock_ns), std::memory_order_relaxed);
  const uint64_t cpu_now = look_at_processor();
  last_end_ = clock.now();
  account_ = {last_end_, cpu_now};
}

// --- ranges ---

void StageRecorder::begin_range(uint64_t now) {
  depth_ = affordable();
  const bool asks_for_account = depth_ != Depth::kProcessor && !account_ &&
                                affords_account(static_cast<double>(unaccounted_ns_) + usual_range_ns_, 2);
  const bool asks_processor = depth_ == Depth::kProcessor || wait_has_cpu_mark_ || asks_for_account;
  const uint64_t cpu_now = asks_for_account ? look_for_account() : asks_processor ? look_at_processor() : 0;
  account_is_of_range_ = asks_processor && !account_;
  if (account_is_of_range_) account_ = {now, cpu_now};
  range_start_ = is_idle_ ? now : last_end_;
  range_overhead_ns_ = (is_idle_ ? 0 : overhead_ns_) + (asks_for_account ? prices_.cpu_clock_ns : 0);
  const uint64_t gap = between(last_end_, now, overhead_ns_);
  StageCounters& of_gap = counters(is_idle_ ? Stage::kWait : Stage::kHandOver);
  if (is_idle_) {
    add(block_.wait_ns, between(last_end_, now));
    add(of_gap.calls, 1);
    add(of_gap.ns, gap);
    if (wait_has_cpu_mark_) {
      add(of_gap.cpu_ns, between(cpu_mark_, cpu_now, prices_.cpu_clock_ns));
      add(of_gap.of_ns, gap);
    }
  } else if (depth_ != Depth::kRange) {
    add(of_gap.ns, gap);
  }
  if (is_idle_ || depth_ != Depth::kRange) push(is_idle_ ? Stage::kWait : Stage::kHandOver, last_end_, now);
  wait_has_cpu_mark_ = is_idle_ = false;
  scopes_ = 0;
  stage_ = Stage::kGet;
  mark_ = now;
  cpu_mark_ = cpu_now;
  overhead_ns_ = cpu_overhead_ns_ = asks_processor ? prices_.cpu_clock_ns : 0;
  since_cpu_mark_ = since_span_ = {};
  span_start_ = now;
}

void StageRecorder::idle() {
  if (is_idle_) return;
  is_idle_ = true;
  if (budget_ns_ < 0 || measured_waits_ >= measured_ranges_) return;
  ++measured_waits_;
  wait_has_cpu_mark_ = true;
  cpu_mark_ = look_at_processor();
}

void StageRecorder::begin_hand_over(uint64_t samples, int64_t first) {
  samples_ = samples;
  first_ = first;
  add(block_.ranges, 1);
  add(block_.samples, samples);
  add(counters(Stage::kGet).calls, samples);
  if (depth_ != Depth::kRange) begin(Stage::kHandOver);
}

void StageRecorder::end_range(uint64_t now) {
  const uint64_t range_ns = between(range_start_, now);
  add(block_.busy_ns, range_ns);
  if (depth_ == Depth::kRange) {
    note_samples(samples_, first_, between(range_start_, now, range_overhead_ns_));
    push(Stage::kGet, range_start_, now);
  } else {
    charge(now);
    push_spans();
    add(block_.measured_ranges, 1);
    move_towards(usual_looks_, looks_);
  }
  overhead_ns_ = 0;
  unaccounted_ns_ += range_ns;
  if (depth_ == Depth::kProcessor) {
    const uint64_t cpu_now = look_at_processor();
    charge_processor(cpu_now);
    account(now, cpu_now);
    ++measured_ranges_;
  } else if (account_is_of_range_ || (account_ && affords_account(static_cast<double>(unaccounted_ns_), 1))) {
    account(now, look_for_account());
    overhead_ns_ = prices_.cpu_clock_ns;  // The next range is found that much later.
  }
  move_towards(usual_range_ns_, static_cast<double>(range_ns));
  budget_ns_ = std::min(budget_ns_ + kProcessorShare * static_cast<double>(range_ns), kMostSaved) - spent_ns_;
  spent_ns_ = looks_ = 0;
  samples_ = 0;
  first_ = sample_ = -1;
  last_end_ = now;
}

StageRecorder::Depth StageRecorder::affordable() const {
  if (budget_ns_ >= 0) return Depth::kProcessor;
  const bool looks_are_cheap = usual_looks_ * prices_.clock_ns <= kTransitionsShare * usual_range_ns_;
  return looks_are_cheap ? Depth::kTransitions : Depth::kRange;
}

/// Whether so much time pays for so many looks.
bool StageRecorder::affords_account(double ns, int looks) const {
  return kAccountShare * ns >= looks * prices_.cpu_clock_ns;
}

// --- samples ---

void StageRecorder::begin_sample(int64_t index) {
  if (depth_ == Depth::kRange) return;
  begin(Stage::kGet);
  sample_ = index;
  sample_start_ = mark_;
  sample_overhead_ns_ = 0;
}

void StageRecorder::begin_collate() {
  add(counters(Stage::kCollate).calls, 1);
  if (depth_ != Depth::kRange) begin(Stage::kCollate);
}

/// Ends the sample at hand, if there is one, and begins a stage that is in no other.
void StageRecorder::begin(Stage stage) {
  const uint64_t now = look();
  if (depth_ == Depth::kProcessor && stage != stage_) charge_processor(look_at_processor());
  push_spans();
  end_sample(now);
  stage_ = stage;
}

void StageRecorder::end_sample(uint64_t now) {
  if (sample_ < 0) return;
  note_samples(1, sample_, between(sample_start_, now, sample_overhead_ns_));
  sample_ = -1;
}

void StageRecorder::note_samples(uint64_t samples, int64_t first, uint64_t ns) {
  if (samples == 0) return;
  const auto bucket = std::min<size_t>(static_cast<size_t>(std::bit_width(ns / samples)), SampleTimes::kBuckets - 1);
  add(block_.sample_times[bucket].samples, samples);
  add(block_.sample_times[bucket].ns, ns);
  if (ns <= block_.slowest_ns.load(std::memory_order_relaxed)) return;
  block_.slowest_ns.store(ns, std::memory_order_relaxed);
  block_.slowest_samples.store(samples, std::memory_order_relaxed);
  block_.slowest_index_plus_1.store(first + 1, std::memory_order_relaxed);
}

// --- stages of a sample ---

void StageRecorder::enter(Stage stage) {
  add(counters(stage).calls, 1);
  go_inside(stage, StageScope::Part::kWhole);
}

void StageRecorder::enter_again(Stage stage) { go_inside(stage, StageScope::Part::kMore); }

void StageRecorder::go_inside(Stage stage, StageScope::Part part) {
  if (scopes_ < kDeepest) outer_[scopes_] = {stage_, part};
  if (++scopes_ > kDeepest || depth_ == Depth::kRange) return;
  if (stage == stage_) return;
  look();
  if (part == StageScope::Part::kWhole) end_call();
  stage_ = stage;
}

void StageRecorder::leave() {
  if (scopes_ == 0) return;  // The scope began outside of this range.
  if (--scopes_ >= kDeepest || depth_ == Depth::kRange) return;
  const Outer& outer = outer_[scopes_];
  if (outer.stage == stage_) return;
  look();
  if (outer.inner == StageScope::Part::kWhole) end_call();
  stage_ = outer.stage;
}

/// What was charged belongs to a call that ends here, or that another begins in.
void StageRecorder::end_call() {
  push_spans();
  if (depth_ == Depth::kProcessor) charge_processor(look_at_processor());
}

void StageRecorder::add_bytes(Stage stage, uint64_t bytes) { add(counters(stage).bytes, bytes); }

// --- clocks ---

uint64_t StageRecorder::look() {
  const uint64_t now = clock_.now();
  add(block_.clock_reads, 1);
  looks_ += 1;
  if (depth_ == Depth::kProcessor) spent_ns_ += prices_.clock_ns;
  overhead_ns_ += prices_.clock_ns;
  cpu_overhead_ns_ += prices_.clock_ns;
  charge(now);
  return now;
}

/// Charges the time since the last look to the stage that goes on.
void StageRecorder::charge(uint64_t now) {
  const uint64_t ns = between(mark_, now, overhead_ns_);
  sample_overhead_ns_ += overhead_ns_;
  add(counters(stage_).ns, ns);
  since_cpu_mark_[static_cast<size_t>(stage_)] += ns;
  since_span_[static_cast<size_t>(stage_)] += between(mark_, now);
  mark_ = now;
  overhead_ns_ = 0;
}

uint64_t StageRecorder::look_at_processor() {
  add(block_.cpu_clock_reads, 1);
  spent_ns_ += prices_.cpu_clock_ns;
  return clock_.cpu_now();
}

/// From no budget but that of accounts.
uint64_t StageRecorder::look_for_account() {
  add(block_.cpu_clock_reads, 1);
  return clock_.cpu_now();
}

/// Shares the processor's time since the last such look out among the stages since then, by the time that passed.
void StageRecorder::charge_processor(uint64_t cpu_now) {
  const uint64_t cpu_ns = between(cpu_mark_, cpu_now, cpu_overhead_ns_);
  uint64_t all = 0;
  for (const uint64_t ns : since_cpu_mark_) all += ns;
  for (size_t s = 0; all > 0 && s < kStages; ++s) {
    if (since_cpu_mark_[s] == 0) continue;
    const double share = static_cast<double>(since_cpu_mark_[s]) / static_cast<double>(all);
    add(block_.stages[s].cpu_ns, static_cast<uint64_t>(share * static_cast<double>(cpu_ns)));
    add(block_.stages[s].of_ns, since_cpu_mark_[s]);
  }
  since_cpu_mark_ = {};
  cpu_mark_ = cpu_now;
  cpu_overhead_ns_ = overhead_ns_ = prices_.cpu_clock_ns;
}

/// Adds what the thread has had of a processor since the last account.
void StageRecorder::account(uint64_t now, uint64_t cpu_now) {
  add(block_.cpu_ns, between(account_->cpu_now, cpu_now));
  add(block_.cpu_of_ns, between(account_->now, now));
  account_ = {now, cpu_now};
  unaccounted_ns_ = 0;
}

// --- spans ---

/// Pushes what was charged since the last spans, in the order of the stages.
void StageRecorder::push_spans() {
  if (ring_ == nullptr) return;
  for (size_t s = 0; s < kStages; ++s) {
    push(static_cast<Stage>(s), span_start_, span_start_ + since_span_[s]);
    span_start_ += since_span_[s];
    since_span_[s] = 0;
  }
}

void StageRecorder::push(Stage stage, uint64_t start, uint64_t end) {
  if (ring_ == nullptr || end <= start) return;
  const uint64_t at = ring_->written.load(std::memory_order_relaxed);
  SpanRing::Span& span = ring_->spans[at % SpanRing::kSpans];
  span.start_ns.store(start, std::memory_order_relaxed);
  span.end_ns.store(end, std::memory_order_relaxed);
  span.sample.store(sample_, std::memory_order_relaxed);
  span.stage.store(static_cast<uint64_t>(stage), std::memory_order_relaxed);
  ring_->written.store(at + 1, std::memory_order_release);
}

}  // namespace millrace
