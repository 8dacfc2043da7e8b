#pragma once

namespace millrace::plots {

struct Point {
  double x = 0;
  double y = 0;

  bool operator==(const Point&) const = default;
};

}  // namespace millrace::plots
