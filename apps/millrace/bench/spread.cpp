#include "millrace/apps/millrace/bench/spread.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

namespace millrace::apps {
namespace {

// How often a value of `a` is above one of `b`; a tie is half of it. Ties are counted by their groups.
struct Ranking {
  double u = 0;
  double tie_term = 0;  // The sum of t^3 - t over groups of t equal values.
};

Ranking rank(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<std::pair<double, bool>> all;
  all.reserve(a.size() + b.size());
  for (const double value : a) all.emplace_back(value, true);
  for (const double value : b) all.emplace_back(value, false);
  std::sort(all.begin(), all.end());
  Ranking ranking;
  double below = 0;  // Values of b that are less than the group's.
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin;
    double of_a = 0, of_b = 0;
    for (; end < all.size() && all[end].first == all[begin].first; ++end) ++(all[end].second ? of_a : of_b);
    ranking.u += of_a * (below + of_b / 2);
    const double tied = of_a + of_b;
    ranking.tie_term += tied * tied * tied - tied;
    below += of_b;
    begin = end;
  }
  return ranking;
}

// The share of all ways to mix m and n different values in which u is at most this.
double exact_share_below(size_t m, size_t n, double u) {
  const size_t most = m * n;
  std::vector<double> ways(most + 1, 0.0);  // Gauss's binomial coefficient, by its product formula.
  ways[0] = 1;
  for (size_t i = 1; i <= m; ++i) {
    for (size_t k = most; k >= n + i && k <= most; --k) ways[k] -= ways[k - n - i];
    for (size_t k = i; k <= most; ++k) ways[k] += ways[k - i];
  }
  double below = 0, all = 0;
  for (size_t k = 0; k <= most; ++k) {
    all += ways[k];
    if (static_cast<double>(k) <= u) below += ways[k];
  }
  return below / all;
}

double normal_share_above(double z) { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

}  // namespace

double median_of(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

Spread spread_of(const std::vector<double>& values) {
  const double median = median_of(values);
  std::vector<double> distances;
  distances.reserve(values.size());
  for (const double value : values) distances.push_back(std::abs(value - median));
  const auto [least, most] = std::minmax_element(values.begin(), values.end());
  return {median, median_of(std::move(distances)), *least, *most};
}

double probability_of_chance(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.empty() || b.empty()) return 1;
  constexpr size_t kMostExact = 20;
  const auto m = static_cast<double>(a.size()), n = static_cast<double>(b.size());
  const Ranking ranking = rank(a, b);
  const double smaller = std::min(ranking.u, m * n - ranking.u);
  if (ranking.tie_term == 0 && a.size() <= kMostExact && b.size() <= kMostExact)
    return std::min(1.0, 2 * exact_share_below(a.size(), b.size(), smaller));
  const double all = m + n;
  const double variance = m * n / 12 * (all + 1 - ranking.tie_term / (all * (all - 1)));
  if (variance <= 0) return 1;
  const double z = std::max(0.0, m * n / 2 - smaller - 0.5) / std::sqrt(variance);
  return std::min(1.0, 2 * normal_share_above(z));
}

}  // namespace millrace::apps
