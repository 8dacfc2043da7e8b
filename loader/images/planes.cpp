#include "millrace/loader/images/planes.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <string>

namespace millrace::image {
namespace {

/// The coordinate that the value of coordinate `i`, outside or inside 0..length - 1, comes from; -1 is the fill.
int source_of(int i, int length, PadMode mode) {
  if (i >= 0 && i < length) return i;
  switch (mode) {
    case PadMode::kConstant:
      return -1;
    case PadMode::kEdge:
      return std::clamp(i, 0, length - 1);
    case PadMode::kReflect:
      return i < 0 ? -i : 2 * (length - 1) - i;
    case PadMode::kSymmetric:
      return i < 0 ? -i - 1 : 2 * length - 1 - i;
  }
  return -1;
}

void check_mirrored(int border, int length, PadMode mode) {
  const int most = mode == PadMode::kReflect ? length - 1 : length;
  const bool mirrored = mode == PadMode::kReflect || mode == PadMode::kSymmetric;
  if (mirrored && border > most) {
    throw std::invalid_argument("a border of " + std::to_string(border) +
                                " pixels cannot be mirrored out of a side of " + std::to_string(length) + ": at most " +
                                std::to_string(most) + ", or pad with a constant or the edge");
  }
}

/// Sources of the coordinates -before..length + after - 1.
std::vector<int> sources(int before, int length, int after, PadMode mode) {
  check_mirrored(std::max(before, after), length, mode);
  std::vector<int> result;
  result.reserve(static_cast<size_t>(before + length + after));
  for (int i = -before; i < length + after; ++i) result.push_back(source_of(i, length, mode));
  return result;
}

uint8_t value_of(std::span<const uint8_t> values, int channel) {
  return values[values.size() == 1 ? 0 : static_cast<size_t>(channel)];
}

std::vector<float> gaussian(int size, double sigma) {
  std::vector<float> weights(static_cast<size_t>(size));
  double total = 0;
  for (int i = 0; i < size; ++i) {
    const double x = (i - size / 2) / sigma;
    total += std::exp(-0.5 * x * x);
  }
  for (int i = 0; i < size; ++i) {
    const double x = (i - size / 2) / sigma;
    weights[static_cast<size_t>(i)] = static_cast<float>(std::exp(-0.5 * x * x) / total);
  }
  return weights;
}

}  // namespace

void flip_vertical(Planes picture) {
  for (int channel = 0; channel < picture.channels; ++channel) {
    for (int top = 0, bottom = picture.size.height - 1; top < bottom; ++top, --bottom) {
      uint8_t* const row = picture.row(channel, top);
      std::swap_ranges(row, row + picture.size.width, picture.row(channel, bottom));
    }
  }
}

void pad(Planes picture, const Borders& borders, PadMode mode, std::span<const uint8_t> fill, uint8_t* out) {
  const std::vector<int> columns = sources(borders.left, picture.size.width, borders.right, mode);
  const std::vector<int> rows = sources(borders.top, picture.size.height, borders.bottom, mode);
  for (int channel = 0; channel < picture.channels; ++channel) {
    const uint8_t paint = value_of(fill, channel);
    for (const int y : rows) {
      if (y < 0) {
        out = std::fill_n(out, columns.size(), paint);
        continue;
      }
      const uint8_t* const row = picture.row(channel, y);
      const auto border = [&](size_t first, int count) {
        for (size_t x = first; x < first + static_cast<size_t>(count); ++x)
          *out++ = columns[x] < 0 ? paint : row[columns[x]];
      };
      border(0, borders.left);
      out = std::copy_n(row, picture.size.width, out);
      border(columns.size() - static_cast<size_t>(borders.right), borders.right);
    }
  }
}

void fill_box(Planes picture, const Box& box, std::span<const uint8_t> value) {
  for (int channel = 0; channel < picture.channels; ++channel)
    for (int y = box.y; y < box.y + box.height; ++y)
      std::fill_n(picture.row(channel, y) + box.x, box.width, value_of(value, channel));
}

void gaussian_blur(Planes picture, Size kernel, double sigma, std::vector<float>& scratch) {
  const auto [height, width] = picture.size;
  const int above = kernel.height / 2;
  const int beside = kernel.width / 2;
  const std::vector<int> columns = sources(beside, width, beside, PadMode::kReflect);
  const std::vector<int> rows = sources(above, height, above, PadMode::kReflect);
  const std::vector<float> across = gaussian(kernel.width, sigma);
  const std::vector<float> down = gaussian(kernel.height, sigma);

  // A plane blurred along its rows, then a bordered row before that, then the sum of a column's rows.
  const size_t plane = picture.plane_values();
  const auto row_values = static_cast<size_t>(width);
  scratch.resize(plane + columns.size() + row_values);
  float* const blurred = scratch.data();
  float* const bordered = blurred + plane;
  float* const sum = bordered + columns.size();
  for (int channel = 0; channel < picture.channels; ++channel) {
    for (int y = 0; y < height; ++y) {
      const uint8_t* const row = picture.row(channel, y);
      for (size_t x = 0; x < columns.size(); ++x) bordered[x] = row[columns[x]];
      float* const out = blurred + static_cast<size_t>(y) * row_values;
      std::fill_n(out, row_values, 0.0f);
      for (size_t k = 0; k < across.size(); ++k)
        for (size_t x = 0; x < row_values; ++x) out[x] += across[k] * bordered[x + k];
    }
    for (int y = 0; y < height; ++y) {
      std::fill_n(sum, row_values, 0.0f);
      for (size_t k = 0; k < down.size(); ++k) {
        const float* const in = blurred + static_cast<size_t>(rows[static_cast<size_t>(y) + k]) * row_values;
        for (size_t x = 0; x < row_values; ++x) sum[x] += down[k] * in[x];
      }
      uint8_t* const out = picture.row(channel, y);
      for (size_t x = 0; x < row_values; ++x) out[x] = static_cast<uint8_t>(std::min(sum[x] + 0.5f, 255.0f));
    }
  }
}

}  // namespace millrace::image
