#include "millrace/plots/axis.h"

#include <cmath>
#include <utility>

namespace millrace::plots {

Axis::Axis(Scale scale, double low, double high, std::vector<double> ticks)
    : scale_(scale), low_(low), high_(high), ticks_(std::move(ticks)) {
  std::erase_if(ticks_, [&](double tick) { return tick < low || tick > high; });
}

Axis Axis::on(double begin, double end) const {
  Axis axis = *this;
  axis.begin_ = begin;
  axis.end_ = end;
  return axis;
}

double Axis::pixel(double value) const {
  return begin_ + (end_ - begin_) * (even(value) - even(low_)) / (even(high_) - even(low_));
}

double Axis::even(double value) const { return scale_ == Scale::kLog ? std::log10(value) : value; }

}  // namespace millrace::plots
