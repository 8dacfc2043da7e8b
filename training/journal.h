#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/records/event_file.h"
#include "millrace/records/metric.h"
#include "millrace/records/metrics_csv.h"
#include "millrace/records/run_directory.h"
#include "millrace/records/run_log.h"
#include "millrace/training/first_batch.h"

namespace millrace::training {

/// What a run writes down about itself, in its directory: log.txt with every line that was printed, metrics.csv with a
/// row an epoch and its curves as SVG, event files for TensorBoard. Not thread-safe.
class Journal {
 public:
  /// Of a new run; `columns` are the measures that epochs have. Throws SyscallError.
  static Journal begin(records::RunDirectory& directory, const std::vector<std::string>& columns);

  /// Goes on behind so many epochs and steps, and forgets what was written after that.
  static Journal resume(records::RunDirectory& directory, const std::vector<std::string>& columns, int64_t epochs,
                        int64_t steps);

  void line(const std::string& text) { log_.write(text); }

  /// Of a step within an epoch, for TensorBoard.
  void step(int64_t step, const std::vector<records::Metric>& metrics) { events_.add_scalars(step, metrics); }

  /// Of an epoch, from 1, that ended at `step`: a row, the same for TensorBoard, and curves of all rows so far.
  void epoch(int64_t epoch, int64_t step, const std::vector<records::Metric>& metrics);

  /// The pictures that training begins with, as a file, and the same for TensorBoard.
  void first_batch(const SheetFile& sheet);

 private:
  Journal(records::RunDirectory& directory, records::MetricsCsv csv, records::EventFile events);

  records::RunDirectory& directory_;
  records::RunLog log_;
  records::MetricsCsv csv_;
  records::EventFile events_;
};

}  // namespace millrace::training
