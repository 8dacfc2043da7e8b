#pragma once

#include <vector>

namespace millrace::apps {

/// What several measurements of one thing say together. The median and the median distance from it are moved by none of
/// them alone, however far off that is.
struct Spread {
  double median = 0;
  double mad = 0;  ///< The median of the distances from the median.
  double least = 0;
  double most = 0;
};

/// REQUIRES: values not empty.
Spread spread_of(const std::vector<double>& values);

/// The middle value, or the mean of the two in the middle. REQUIRES: values not empty.
double median_of(std::vector<double> values);

/// How probable it is that two samples of the same things differ at least as much as these do: the two-sided test of
/// Mann, Whitney and Wilcoxon, which only looks at which values are greater than which, so that a window in which the
/// machine was busy does no harm. Exact for up to 20 values each without ties, else by the normal distribution with a
/// correction for ties. 1 where one of the two is empty.
double probability_of_chance(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace millrace::apps
