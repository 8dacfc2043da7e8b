#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/records/append_file.h"
#include "millrace/records/metric.h"

namespace millrace::records {

/// Numbers of a run as a CSV file that pandas, R and spreadsheets read: a header, and a row each step or epoch. A row
/// is with the kernel when append() returns. Numbers are as short as they can be without losing a bit, "nan" and "inf"
/// among them; cells of which nothing was said are empty. Not thread-safe.
class MetricsCsv {
 public:
  /// A new file, which replaces one of that name; `columns` are all that rows can have behind their first column,
  /// `counter`, which says of which step or epoch a row is. Throws std::invalid_argument for a column that is there
  /// twice, SyscallError.
  static MetricsCsv begin(const std::string& path, std::string_view counter, std::vector<std::string> columns);

  /// Goes on with a file that begin() made: rows beyond `last`, of what was done after the state that the run goes on
  /// from, and one that was cut off in the middle are removed first. Makes a file where there is none. Throws
  /// std::runtime_error for a file with other columns, SyscallError.
  static MetricsCsv resume(const std::string& path, std::string_view counter, std::vector<std::string> columns,
                           int64_t last);

  /// Throws std::invalid_argument for a column that was not declared.
  void append(int64_t count, const std::vector<Metric>& metrics);

 private:
  MetricsCsv(const std::string& path, std::vector<std::string> columns);

  std::vector<std::string> columns_;
  AppendFile file_;
};

}  // namespace millrace::records
