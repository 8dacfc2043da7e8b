#include "millrace/loader/images/resample.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "millrace/sharing/os/round_up.h"

namespace millrace::image {
namespace {

/// Inputs begin .. end - 1.
struct Range {
  int begin = 0;
  int end = 0;
};

struct Axis {
  int input = 0;
  int output = 0;
  ResizeFilter filter = ResizeFilter::kBilinear;
  Range window;  ///< The outputs of the window.
  bool mirror_input = false;
  bool mirror_output = false;

  double scale() const { return static_cast<double>(input) / output; }
  double center(int i) const { return scale() * (i + 0.5); }  ///< Of output `i`, among the inputs.
};

/// How far the filter reaches at scale 1.
int reach_of(ResizeFilter filter) { return filter == ResizeFilter::kBicubic ? 2 : 1; }

double support_of(const Axis& axis) { return reach_of(axis.filter) * std::max(axis.scale(), 1.0); }

/// The inputs that contribute to output `i`.
Range inputs_of(const Axis& axis, int i) {
  if (axis.filter == ResizeFilter::kNearest) {
    const int nearest = nearest_input(i, axis.input, axis.output);
    return {nearest, nearest + 1};
  }
  const double center = axis.center(i);
  const double support = support_of(axis);
  return {std::max(static_cast<int>(center - support + 0.5), 0),
          std::min(static_cast<int>(center + support + 0.5), axis.input)};
}

double triangle(double x) { return std::max(0.0, 1.0 - std::abs(x)); }

/// Keys' cubic convolution with a = -0.5; https://en.wikipedia.org/wiki/Bicubic_interpolation.
double cubic(double x) {
  constexpr double kA = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((kA + 2) * x - (kA + 3)) * x * x + 1;
  if (x < 2.0) return ((kA * x - 5 * kA) * x + 8 * kA) * x - 4 * kA;
  return 0.0;
}

/// What input `j` weighs in an output centred at `center`, before they are made to sum to one.
double weight_of(const Axis& axis, int j, double center, double inverse_scale) {
  if (axis.filter == ResizeFilter::kNearest) return 1.0;
  const double x = (j - center + 0.5) * inverse_scale;
  return axis.filter == ResizeFilter::kBicubic ? cubic(x) : triangle(x);
}

/// Fills `weights` for the window's outputs, with `first` counted from the first input that any of them needs. Returns
/// the needed inputs. `filter` is scratch. Outputs are padded with empty ones to a multiple of `output_multiple`.
Range plan_axis(const Axis& axis, int output_multiple, std::vector<double>& filter, AxisWeights& plan) {
  const double inverse_scale = 1.0 / std::max(axis.scale(), 1.0);
  const int most_taps = std::min(2 * static_cast<int>(std::ceil(support_of(axis))) + 1, axis.input);

  // The precision depends on the largest weight of all outputs, or a pixel would depend on the window it is part of;
  // only the window's weights are kept, in front of one row for the others.
  const int outputs = axis.window.end - axis.window.begin;
  const auto filter_row = [&](int i) {
    const int o = i >= axis.window.begin && i < axis.window.end ? i - axis.window.begin : outputs;
    return filter.data() + static_cast<size_t>(o) * static_cast<size_t>(most_taps);
  };
  filter.resize(static_cast<size_t>(outputs + 1) * static_cast<size_t>(most_taps));
  double largest = 0;
  for (int i = 0; i < axis.output; ++i) {
    const double center = axis.center(i);
    const Range inputs = inputs_of(axis, i);
    double* const row = filter_row(i);
    double total = 0;
    for (int j = inputs.begin; j < inputs.end; ++j) {
      const double weight = weight_of(axis, j, center, inverse_scale);
      row[j - inputs.begin] = weight;
      total += weight;
    }
    for (int j = 0; j < inputs.end - inputs.begin; ++j) {
      if (total != 0.0) row[j] /= total;
      largest = std::max(largest, row[j]);
    }
  }
  // The most bits that 16-bit weights allow.
  constexpr int kMostPrecision = 22;
  plan.precision = 0;
  while (plan.precision < kMostPrecision && static_cast<int>(0.5 + largest * (1 << (plan.precision + 1))) < (1 << 15)) {
    ++plan.precision;
  }

  Range needed = {axis.input, 0};
  int taps = 0;
  for (int i = axis.window.begin; i < axis.window.end; ++i) {
    const Range inputs = inputs_of(axis, i);
    needed = {std::min(needed.begin, inputs.begin), std::max(needed.end, inputs.end)};
    taps = std::max(taps, inputs.end - inputs.begin);
  }
  const int needed_count = needed.end - needed.begin;
  plan.taps = round_up(taps, 2);
  plan.overshoots = axis.filter == ResizeFilter::kBicubic;
  plan.first.assign(static_cast<size_t>(round_up(outputs, output_multiple)), 0);
  plan.weights.assign(plan.first.size() * static_cast<size_t>(plan.taps), 0);
  for (int o = 0; o < outputs; ++o) {
    const int i = axis.window.begin + (axis.mirror_output ? outputs - 1 - o : o);
    const Range inputs = inputs_of(axis, i);
    const int count = inputs.end - inputs.begin;
    const double* const row = filter_row(i);
    const int begin = axis.mirror_input ? needed.end - inputs.end : inputs.begin - needed.begin;
    // Moved left at the right edge, so that the padding taps read pixels of the row and not what is behind it.
    const int first = std::clamp(needed_count - plan.taps, 0, begin);
    int16_t* const weights =
        plan.weights.data() + static_cast<size_t>(o) * static_cast<size_t>(plan.taps) + (begin - first);
    for (int j = 0; j < count; ++j) {
      const double weight = row[axis.mirror_input ? count - 1 - j : j];
      weights[j] = static_cast<int16_t>(std::copysign(0.5, weight) + weight * (1 << plan.precision));
    }
    plan.first[static_cast<size_t>(o)] = first;
  }
  return axis.mirror_input ? Range{axis.input - needed.end, axis.input - needed.begin} : needed;
}

}  // namespace

int nearest_input(int i, int from, int to) {
  const float scale = static_cast<float>(from) / static_cast<float>(to);
  return std::min(static_cast<int>(std::floor(static_cast<float>(i) * scale)), from - 1);
}

void Resampler::start(const ResampleRequest& request) {
  window_ = request.window;
  const Range columns = plan_axis({.input = request.input.width,
                                   .output = request.output.width,
                                   .filter = request.filter,
                                   .window = {window_.x, window_.x + window_.width},
                                   .mirror_input = request.mirror_input,
                                   .mirror_output = request.mirror_output},
                                  4, filter_, columns_);
  const Range rows = plan_axis({.input = request.input.height,
                                .output = request.output.height,
                                .filter = request.filter,
                                .window = {window_.y, window_.y + window_.height}},
                               1, filter_, rows_);
  needed_ = {rows.begin, columns.begin, rows.end - rows.begin, columns.end - columns.begin};
  rows_fed_ = 0;
  quads_stride_ = columns_.first.size() * kPixelBytes;
  // Padding taps of the column pass may ask for rows behind the last; they have weight 0.
  const size_t quad_rows = static_cast<size_t>(std::max(needed_.height, rows_.taps));
  const size_t bytes = quad_rows * quads_stride_ + kReadSlack;
  if (quads_.size() < bytes) quads_.resize(bytes);
}

void Resampler::feed(const Strip& strip) {
  for (int y = 0; y < strip.rows; y += kRowGroup) {
    std::array<const uint8_t*, kRowGroup> in;
    std::array<uint8_t*, kRowGroup> out;
    for (int i = 0; i < kRowGroup; ++i) {
      const auto row = static_cast<size_t>(std::min(y + i, strip.rows - 1));
      in[static_cast<size_t>(i)] = strip.pixels + row * strip.stride;
      out[static_cast<size_t>(i)] = quads_.data() + (static_cast<size_t>(rows_fed_) + row) * quads_stride_;
    }
    resample_rows(in.data(), columns_, out.data());
  }
  rows_fed_ += strip.rows;
}

void Resampler::finish(int planes, std::span<uint8_t> out) {
  const auto width = static_cast<size_t>(window_.width);
  const size_t plane_bytes = width * static_cast<size_t>(window_.height);
  for (size_t y = 0; y < static_cast<size_t>(window_.height); ++y) {
    uint8_t* const row = out.data() + y * width;
    const std::array<uint8_t*, 3> out_rows = {row, row + plane_bytes, row + 2 * plane_bytes};
    resample_columns(quads_.data() + static_cast<size_t>(rows_.first[y]) * quads_stride_, quads_stride_,
                     rows_.weights.data() + y * static_cast<size_t>(rows_.taps), rows_.taps, rows_.precision,
                     window_.width, planes, out_rows.data());
  }
}

}  // namespace millrace::image
