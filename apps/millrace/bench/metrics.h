#pragma once

#include <string>
#include <vector>

#include "millrace/apps/millrace/bench/measurement.h"

namespace millrace::apps {

/// A number of a measurement, with what it means.
struct BenchMetric {
  const char* name;   ///< In JSON.
  const char* label;  ///< In tables, with its unit.
  double value;
  std::string meaning;
};

/// What a measurement says. Rates are missing where there was no window: of a single batch there is only how long it
/// took.
std::vector<BenchMetric> metrics_of(const Measurement& measurement);

/// The rates of the windows, in samples a second.
std::vector<double> rates_of(const Measurement& measurement);

/// Four digits, and no exponent, which is hard to read beside its neighbours.
std::string plain_number(double value);

/// "12.5 %" of a share.
std::string percent(double share);

/// A line of the table: what it is, the number, and its meaning.
std::string table_line(const char* label, const std::string& value, const std::string& meaning);

/// A sentence about whether the numbers are to be believed: how the warm-up ended, how windows differ.
std::string trust_in(const Measurement& measurement);

}  // namespace millrace::apps
