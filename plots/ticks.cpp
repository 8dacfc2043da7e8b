#include "millrace/plots/ticks.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace millrace::plots {
namespace {

// The smallest of 1, 2, 5 and 10 times a power of ten that is not below `step`.
double nice_step(double step) {
  const double power = std::pow(10, std::floor(std::log10(step)));
  for (const double times : {1.0, 2.0, 5.0})
    // What is a hair above for its rounding alone is not above.
    if (step <= times * power * (1 + 1e-9)) return times * power;
  return 10 * power;
}

// Each of `multipliers` times each `every`th power of ten, from the last at or below `low` to the first at or above
// `high`.
std::vector<double> powers_of_ten(double low, double high, int every, const std::vector<double>& multipliers) {
  std::vector<double> ticks;
  const int first = static_cast<int>(std::floor(std::floor(std::log10(low)) / every)) * every;
  for (int power = first; ticks.size() < 2 || ticks.back() < high; power += every)
    for (const double times : multipliers) ticks.push_back(times * std::pow(10, power));
  while (ticks.size() > 2 && ticks[1] <= low) ticks.erase(ticks.begin());
  while (ticks.size() > 2 && ticks[ticks.size() - 2] >= high) ticks.pop_back();
  return ticks;
}

}  // namespace

std::vector<double> linear_ticks(double low, double high, int most, double least_step) {
  // Marks that are closer than this are the same double.
  constexpr double kRelative = 1e-12, kAbsolute = 1e-300;
  const double size = std::max(std::abs(low), std::abs(high));
  if (high - low <= std::max(kRelative * size, kAbsolute)) {
    const double margin = size <= kAbsolute ? 1 : size / 2;
    low -= margin;
    high += margin;
  }
  const double step = nice_step(std::max((high - low) / most, least_step));
  std::vector<double> ticks;
  for (double multiple = std::floor(low / step + 1e-9); ticks.size() < 2 || ticks.back() < high - 1e-9 * step;
       ++multiple)
    ticks.push_back(multiple * step);
  return ticks;
}

std::vector<double> log_ticks(double low, double high, int most) {
  const double decades = std::log10(high / low);
  if (3 * decades <= most) return powers_of_ten(low, high, 1, {1, 2, 5});
  return powers_of_ten(low, high, std::max(1, static_cast<int>(std::ceil(decades / most))), {1});
}

std::string tick_text(double value) {
  struct Unit {
    double size;
    const char* letter;
  };
  constexpr std::array<Unit, 3> kUnits{{{1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  const double size = std::abs(value);
  const auto unit =
      std::find_if(kUnits.begin(), kUnits.end(), [&](const Unit& candidate) { return size >= candidate.size; });
  const bool is_short = unit == kUnits.end() || size >= 1e15;
  std::array<char, 32> text;
  if (is_short)
    std::snprintf(text.data(), text.size(), "%.6g", value == 0 ? 0.0 : value);
  else
    std::snprintf(text.data(), text.size(), "%.6g%s", value / unit->size, unit->letter);
  return text.data();
}

}  // namespace millrace::plots
