#pragma once

#include <string_view>

namespace millrace::records {

/// A number of a run by its name: a column of a CSV file, a tag of TensorBoard.
struct Metric {
  std::string_view name;
  double value = 0;
};

}  // namespace millrace::records
