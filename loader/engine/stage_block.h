#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/loader/options.h"
#include "millrace/loader/stage_report.h"

namespace millrace {

// What a worker measures of itself, in the memory of the board.
//
// Thread safety: every field is an atomic that one worker writes and the trainer reads, relaxed: they are figures, and
// nothing is decided by them.
//
// If a process dies here: its figures stay, each of them whole, and the worker in its place goes on counting from them.
// Two that belong together may differ by what the dead one had at hand. Whoever scribbles on them spoils the figures.

/// One stage's figures, see WorkerStages::Measured.
struct StageCounters {
  std::atomic<uint64_t> calls;
  std::atomic<uint64_t> bytes;
  std::atomic<uint64_t> ns;
  std::atomic<uint64_t> cpu_ns;
  std::atomic<uint64_t> of_ns;
};

/// One worker's figures. All begin with zero, but for the slowest sample's index, which is kept plus one.
struct alignas(64) StageBlock {
  struct Bucket {
    std::atomic<uint64_t> samples;
    std::atomic<uint64_t> ns;
  };

  std::atomic<uint64_t> samples;
  std::atomic<uint64_t> ranges;
  std::atomic<uint64_t> busy_ns;
  std::atomic<uint64_t> wait_ns;
  std::atomic<uint64_t> cpu_ns;
  std::atomic<uint64_t> cpu_of_ns;
  std::atomic<uint64_t> slowest_ns;
  std::atomic<uint64_t> slowest_samples;
  std::atomic<int64_t> slowest_index_plus_1;
  std::atomic<uint64_t> measured_ranges;
  std::atomic<uint64_t> clock_reads;
  std::atomic<uint64_t> cpu_clock_reads;
  std::atomic<uint64_t> clock_ps;  // Picoseconds that a look at the clock takes.
  std::atomic<uint64_t> cpu_clock_ps;
  std::array<StageCounters, kStages> stages;
  std::array<Bucket, SampleTimes::kBuckets> sample_times;
};

/// A ring of the spans that a worker wrote last.
struct alignas(64) SpanRing {
  struct Span {
    std::atomic<uint64_t> start_ns;
    std::atomic<uint64_t> end_ns;
    std::atomic<int64_t> sample;
    std::atomic<uint64_t> stage;
  };

  static constexpr uint64_t kSpans = 8192;  // 256 KiB: a hundred pictures or some.

  std::atomic<uint64_t> written;  // Spans ever written; the last kSpans of them are here.
  std::array<Span, kSpans> spans;
};

/// Bytes on the board for what one worker measures.
constexpr size_t stage_bytes(Profile profile) {
  if (profile == Profile::kOff) return 0;
  return sizeof(StageBlock) + (profile == Profile::kTrace ? sizeof(SpanRing) : 0);
}

/// A worker's figures in its bytes on the board, of which there are stage_bytes(); zeroed memory is a block and a ring.
inline StageBlock& stage_block(std::span<std::byte> memory) { return *reinterpret_cast<StageBlock*>(memory.data()); }

/// A worker's ring; null where no spans are wanted.
inline SpanRing* span_ring(std::span<std::byte> memory) {
  if (memory.size() < stage_bytes(Profile::kTrace)) return nullptr;
  return reinterpret_cast<SpanRing*>(memory.data() + sizeof(StageBlock));
}

}  // namespace millrace
