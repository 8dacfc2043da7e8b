#include "millrace/loader/images/affine.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

namespace millrace::image {
namespace {

/// The part of an affine map that has no centre and no translation, {a, b, c, d}: a rotation times a scale times
/// shears.
std::array<double, 4> linear_part(const Affine& affine) {
  constexpr double kRadians = std::numbers::pi / 180;
  const double angle = affine.angle * kRadians;
  const double shear_x = affine.shear[0] * kRadians;
  const double shear_y = affine.shear[1] * kRadians;
  const double a = std::cos(angle - shear_y) / std::cos(shear_y);
  const double c = std::sin(angle - shear_y) / std::cos(shear_y);
  return {a, -(a * std::tan(shear_x) + std::sin(angle)), c, std::cos(angle) - c * std::tan(shear_x)};
}

std::array<double, 2> center_of(const Affine& affine, Size size) {
  return affine.center.value_or(std::array{size.width * 0.5, size.height * 0.5});
}

/// The inverse map, in coordinates whose origin is the picture's middle: where the pixels of a picture come from.
std::array<double, 6> inverse_about_middle(const Affine& affine, Size size) {
  const auto center = center_of(affine, size);
  const double center_x = center[0] - size.width * 0.5;
  const double center_y = center[1] - size.height * 0.5;
  const auto [a, b, c, d] = linear_part(affine);  // The determinant is 1, so the inverse is {d, -b, -c, a}.
  std::array<double, 6> matrix = {d / affine.scale, -b / affine.scale, 0, -c / affine.scale, a / affine.scale, 0};
  const double x = center_x + affine.translate[0];
  const double y = center_y + affine.translate[1];
  matrix[2] = center_x - matrix[0] * x - matrix[1] * y;
  matrix[5] = center_y - matrix[3] * x - matrix[4] * y;
  return matrix;
}

/// One coordinate, x or y, of where the pixels of a picture come from.
class SourceCoordinate {
 public:
  /// `x`, `y` and `offset` are a row of the inverse matrix, `length` the picture's width or height.
  SourceCoordinate(double x, double y, double offset, int length, int width) : half_(static_cast<float>(length) / 2) {
    // Scales to -1..1 from edge to edge, which is what torchvision's grid holds.
    const float scale = 0.5f * static_cast<float>(length);
    y_ = static_cast<float>(y) / scale;
    offset_ = static_cast<float>(offset) / scale;
    from_x_.reserve(static_cast<size_t>(width));
    for (int column = 0; column < width; ++column) {
      const float x_from_middle = static_cast<float>(column) - static_cast<float>(width - 1) * 0.5f;
      from_x_.push_back(x_from_middle * (static_cast<float>(x) / scale));
    }
  }

  /// The coordinate for row `y_from_middle`, in pixels of the source: 0 is the middle of the first.
  float at(size_t column, float y_from_middle) const {
    // One rounding for product and sum, as the matrix product there has it; in double the product is exact.
    const auto sum = static_cast<float>(double{y_from_middle} * y_ + double{from_x_[column]});
    return (sum + offset_ + 1) * half_ - 0.5f;
  }

 private:
  float half_;
  float y_ = 0;
  float offset_ = 0;
  std::vector<float> from_x_;
};

/// Halves to the even neighbour, for numbers up to 2^22: where that much has been added to a float, no bit is left for
/// a fraction. std::nearbyint is a call on processors that every x86-64 program must run on.
int round_half_even(float value) {
  constexpr float kNoFraction = 1.5f * (1 << 23);
  return static_cast<int>((value + kNoFraction) - kNoFraction);
}

/// A coordinate for rounding, held just outside the picture if it is outside.
float held(float value, int length) { return std::clamp(value, -2.0f, static_cast<float>(length) + 1.0f); }

uint8_t paint_of(std::span<const uint8_t> fill, int channel) {
  if (fill.empty()) return 0;
  return fill[fill.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

float y_from_middle(int row, Size size) { return static_cast<float>(row) - static_cast<float>(size.height - 1) * 0.5f; }

void nearest(Planes picture, const SourceCoordinate& xs, const SourceCoordinate& ys, std::span<const uint8_t> fill,
             uint8_t* out) {
  const auto [height, width] = picture.size;
  constexpr int kOutside = -1;
  std::vector<int> sources(static_cast<size_t>(width));  // One row's source pixels, by number.
  for (int row = 0; row < height; ++row) {
    const float y = y_from_middle(row, picture.size);
    for (size_t column = 0; column < sources.size(); ++column) {
      const int source_x = round_half_even(held(xs.at(column, y), width));
      const int source_y = round_half_even(held(ys.at(column, y), height));
      const bool inside = source_x >= 0 && source_x < width && source_y >= 0 && source_y < height;
      sources[column] = inside ? source_y * width + source_x : kOutside;
    }
    for (int channel = 0; channel < picture.channels; ++channel) {
      const uint8_t* const plane = picture.row(channel, 0);
      const uint8_t paint = paint_of(fill, channel);
      uint8_t* const to = Planes{out, picture.size, picture.channels}.row(channel, row);
      for (size_t column = 0; column < sources.size(); ++column)
        to[column] = sources[column] == kOutside ? paint : plane[sources[column]];
    }
  }
}

/// The four pixels around a point, by number, and their weights; those outside have none.
struct Neighbours {
  std::array<int, 4> pixels = {0, 0, 0, 0};
  std::array<float, 4> weights = {0, 0, 0, 0};
};

Neighbours neighbours_of(float x, float y, Size size) {
  // Rounded down: held() gives -2 at least. std::floor is a call on processors that every x86-64 program must run on.
  const int left = static_cast<int>(x + 2) - 2;
  const int top = static_cast<int>(y + 2) - 2;
  const std::array<float, 2> across = {static_cast<float>(left + 1) - x, x - static_cast<float>(left)};
  const std::array<float, 2> down = {static_cast<float>(top + 1) - y, y - static_cast<float>(top)};
  Neighbours result;
  for (int i = 0; i < 4; ++i) {
    const int column = left + i % 2;
    const int row = top + i / 2;
    if (column < 0 || column >= size.width || row < 0 || row >= size.height) continue;
    const auto k = static_cast<size_t>(i);
    result.pixels[k] = row * size.width + column;
    result.weights[k] = across[k % 2] * down[k / 2];
  }
  return result;
}

void bilinear(Planes picture, const SourceCoordinate& xs, const SourceCoordinate& ys, std::span<const uint8_t> fill,
              uint8_t* out) {
  const auto [height, width] = picture.size;
  std::vector<Neighbours> sources(static_cast<size_t>(width));  // One row's source pixels.
  for (int row = 0; row < height; ++row) {
    const float y = y_from_middle(row, picture.size);
    for (size_t column = 0; column < sources.size(); ++column) {
      sources[column] = neighbours_of(held(xs.at(column, y), width), held(ys.at(column, y), height), picture.size);
    }
    for (int channel = 0; channel < picture.channels; ++channel) {
      const uint8_t* const plane = picture.row(channel, 0);
      const float paint = paint_of(fill, channel);
      uint8_t* const to = Planes{out, picture.size, picture.channels}.row(channel, row);
      for (size_t column = 0; column < sources.size(); ++column) {
        const auto& [pixels, weights] = sources[column];
        float value = 0;
        for (size_t k = 0; k < 4; ++k) value += weights[k] * plane[pixels[k]];
        if (!fill.empty()) {
          // Pixels outside count as black in `value` and once more here, as in torchvision.
          const float covered = weights[0] + weights[1] + weights[2] + weights[3];
          value = (value - paint) * covered + paint;
        }
        to[column] = static_cast<uint8_t>(round_half_even(std::clamp(value, 0.0f, 255.0f)));
      }
    }
  }
}

}  // namespace

std::array<double, 6> affine_matrix(const Affine& affine, Size size) {
  const auto [x, y] = center_of(affine, size);
  std::array<double, 4> linear = linear_part(affine);
  for (double& value : linear) value *= affine.scale;
  const auto [a, b, c, d] = linear;
  return {a, b, x + affine.translate[0] - a * x - b * y, c, d, y + affine.translate[1] - c * x - d * y};
}

void transform_affine(Planes picture, const Affine& affine, Interpolation interpolation, std::span<const uint8_t> fill,
                      uint8_t* out) {
  const auto [height, width] = picture.size;
  const auto [a, b, c, d, e, f] = inverse_about_middle(affine, picture.size);
  const SourceCoordinate xs(a, b, c, width, width);
  const SourceCoordinate ys(d, e, f, height, width);
  interpolation == Interpolation::kNearest ? nearest(picture, xs, ys, fill, out) : bilinear(picture, xs, ys, fill, out);
}

}  // namespace millrace::image
