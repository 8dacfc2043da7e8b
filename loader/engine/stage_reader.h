#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "millrace/loader/engine/board.h"
#include "millrace/loader/stage_report.h"

namespace millrace {

/// Reads what workers measured. Any worker may have scribbled on it: the figures may then be wrong, and nothing else
/// is. Used by the loader's thread.
class StageReader {
 public:
  /// Whose the time between two ranges is: that of workers, or of a trainer that reads inside next().
  enum class ReadBy { kWorkers, kTrainer };

  /// Borrows the board.
  StageReader(const Board& board, ReadBy read_by)
      : board_(board), read_by_(read_by), taken_(board.geometry().workers) {}

  /// What was measured up to `now_ns` of CLOCK_MONOTONIC, what workers are at included.
  StageReport report(uint64_t now_ns) const;

  /// The spans since the last call.
  StageSpans take_spans();

 private:
  WorkerStages read(size_t worker, uint64_t now_ns) const;
  void take_spans(size_t worker, StageSpans& to);

  const Board& board_;
  const ReadBy read_by_;
  std::vector<uint64_t> taken_;  // Spans of each worker that were taken, or lost.
};

}  // namespace millrace
