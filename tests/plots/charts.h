#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "millrace/plots/line_chart.h"

/// Charts as training makes them, and such as try what a chart can bear.
namespace millrace::test {

/// Two curves that fall, the second behind the first.
inline plots::LineChart loss_chart() {
  plots::LineChart chart{"Loss of digits, small CNN", "epoch", "cross entropy", {{"train", {}}, {"test", {}}}};
  for (int epoch = 1; epoch <= 30; ++epoch) {
    const double x = epoch;
    chart.series[0].points.push_back({x, 2.2 * std::exp(-x / 6) + 0.05 + 0.03 * std::sin(5 * x)});
    chart.series[1].points.push_back({x, 2.1 * std::exp(-x / 7) + 0.14 + 0.05 * std::sin(3 * x)});
  }
  return chart;
}

/// More series than hues, names that are long, Chinese, or XML.
inline plots::LineChart crowded_chart() {
  plots::LineChart chart{"<b>Accuracy</b> & \"recall\" of ten classes, whose names are longer than there is room for",
                         "step",
                         "share",
                         {}};
  const std::vector<std::string> names{"T-shirt/top", "trousers",     "<dress>",
                                       "coat & hat",  "精度の高い靴", "bag",
                                       "ankle boot",  "shirt",        "sneaker that has a name of several words",
                                       "sandal"};
  for (size_t i = 0; i < names.size(); ++i) {
    plots::Series series{names[i], {}};
    for (int step = 0; step <= 20'000; step += 250)
      series.points.push_back(
          {static_cast<double>(step), 1 - std::exp(-step / (2000.0 + 700.0 * static_cast<double>(i)))});
    chart.series.push_back(series);
  }
  return chart;
}

/// A learning rate over five decades.
inline plots::LineChart log_chart() {
  plots::LineChart chart{"Learning rate", "step", "", {{"lr", {}}}, plots::Scale::kLog};
  for (int step = 0; step <= 1000; ++step)
    chart.series[0].points.push_back({static_cast<double>(step), 0.1 * std::pow(10, -step / 200.0)});
  return chart;
}

inline std::vector<plots::LineChart> charts() {
  return {loss_chart(),
          crowded_chart(),
          log_chart(),
          {"", "", "", {}},
          {"one point", "step", "", {{"a", {{7, 1e-30}}}}},
          {"extremes", "x", "y", {{"a", {{-1e15, -1e300}, {1e15, 1e300}}}, {"\x1b[2J\xff", {{0, 0}}}}}};
}

}  // namespace millrace::test
