#pragma once

#include <vector>

namespace millrace::plots {

enum class Scale { kLinear, kLog };

/// Where the numbers from `low` to `high` lie on a stretch of pixels, which may be the upside down one of a page.
class Axis {
 public:
  /// `ticks` are in rising order; those between low and high are shown. REQUIRES: low < high, positive for kLog.
  Axis(Scale scale, double low, double high, std::vector<double> ticks);

  /// The same axis on the pixels from `begin`, where `low` is, to `end`.
  Axis on(double begin, double end) const;

  /// REQUIRES: finite, positive for kLog.
  double pixel(double value) const;

  const std::vector<double>& ticks() const { return ticks_; }

 private:
  /// What is laid out evenly: the number or its logarithm.
  double even(double value) const;

  Scale scale_;
  double low_;
  double high_;
  std::vector<double> ticks_;
  double begin_ = 0;
  double end_ = 1;
};

}  // namespace millrace::plots
