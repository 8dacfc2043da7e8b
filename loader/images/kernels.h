#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millrace::image {

/// Bytes of a "quad", on which the kernels work: four neighbouring pixels of a row, R R R R G G G G B B B B X X X X.
/// The horizontal pass makes quads from 4-byte pixels for free, and the vertical pass turns them into planes for free.
constexpr int kQuadBytes = 16;

/// How the outputs of one axis are weighted sums of inputs, in fixed point: output i is
///   (1/2 + sum over k of weight(i, k) * input[first[i] + k]) / 2^precision, rounded down.
/// The weights of an output add up to 2^precision, but for rounding; precision is at least 14 where an output has one
/// tap, grows with their number, and is at most 22, so no 32-bit sum overflows. Where no weight is negative no sum
/// leaves 0..255; else it is cut off there.
struct AxisWeights {
  int taps = 0;                  ///< Inputs of each output, an even number; those not needed have weight 0.
  int precision = 0;             ///< Bits behind the point.
  bool overshoots = false;       ///< Whether some weights are negative.
  std::vector<int32_t> first;    ///< The first input of each output.
  std::vector<int16_t> weights;  ///< `taps` weights of each output.
};

/// Rows that the horizontal pass handles at once.
constexpr int kRowGroup = 4;

/// Resamples kRowGroup rows of 4-byte pixels to rows of quads. `axis` has a multiple of four outputs. A row may be
/// given several times, with its output, when fewer are left.
void resample_rows(const uint8_t* const* rows, const AxisWeights& axis, uint8_t* const* quads);

/// Resamples columns: adds `taps` rows of quads (a multiple of 2, the first at `quads`, `stride` bytes apart),
/// weighted, and writes `width` pixels to each of the first `planes` of `out`. Reads whole vectors, at most kReadSlack
/// bytes too far.
void resample_columns(const uint8_t* quads, size_t stride, const int16_t* weights, int taps, int precision, int width,
                      int planes, uint8_t* const* out);

/// Takes `width` 4-byte pixels apart into the first `planes` of `out`.
void split_row(const uint8_t* pixels, int width, int planes, uint8_t* const* out);
/// Takes the pixels apart as split_row() does, from right to left.
void split_row_mirrored(const uint8_t* pixels, int width, int planes, uint8_t* const* out);

/// Computes out = (in - offset) * scale for `count` values. The result is the same on every processor: two roundings,
/// no fused multiply-add.
void normalize(const uint8_t* in, size_t count, float offset, float scale, float* out);

/// Turns the hue of `count` colours by `sixths` of a turn, 0 to below 6.
void turn_hues(uint8_t* red, uint8_t* green, uint8_t* blue, size_t count, float sixths);

}  // namespace millrace::image
