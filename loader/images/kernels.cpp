#include "millrace/loader/images/kernels.h"

#include <algorithm>
#include <cstring>

// The kernels need byte shuffles, which x86-64 as such lacks and every such processor since 2006 has.
#if defined(__x86_64__)
#define HWY_BASELINE_TARGETS HWY_SSSE3
#endif

// This file is compiled once for each instruction set; the dispatch at its end picks the best one at run time.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "millrace/loader/images/kernels.cpp"
#include <hwy/foreach_target.h>
// After foreach_target.h, as it asks.
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millrace::image::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_HAVE_SCALABLE
using Bytes = hn::FixedTag<uint8_t, 16>;
#else
using Bytes = hn::CappedTag<uint8_t, 64>;
#endif
using Shorts = hn::Repartition<int16_t, Bytes>;
using Ints = hn::Repartition<int32_t, Bytes>;
using Words = hn::Repartition<uint32_t, Bytes>;
constexpr int kVectorBytes = static_cast<int>(hn::MaxLanes(Bytes()));

/// Blocks of sixteen bytes in a vector. The horizontal pass puts a row into each, since lookups stay inside a block.
constexpr int kBlocks = kVectorBytes / 16;

template <int kCount>
HWY_INLINE auto load_blocks(const uint8_t* const* rows, size_t offset) {
  if constexpr (kCount == 1) {
    return hn::LoadU(hn::FixedTag<uint8_t, 16>(), rows[0] + offset);
  } else {
    return hn::Combine(hn::FixedTag<uint8_t, 16 * kCount>(), load_blocks<kCount / 2>(rows + kCount / 2, offset),
                       load_blocks<kCount / 2>(rows, offset));
  }
}

template <int kCount, class V>
HWY_INLINE void store_blocks(V v, uint8_t* const* rows, size_t offset) {
  if constexpr (kCount == 1) {
    hn::StoreU(v, hn::FixedTag<uint8_t, 16>(), rows[0] + offset);
  } else {
    const hn::FixedTag<uint8_t, 8 * kCount> half;
    store_blocks<kCount / 2>(hn::LowerHalf(half, v), rows, offset);
    store_blocks<kCount / 2>(hn::UpperHalf(half, v), rows + kCount / 2, offset);
  }
}

/// Two neighbouring weights as one 32-bit element, to be multiplied with two interleaved inputs.
HWY_INLINE auto weight_pair(const int16_t* weights) {
  int32_t pair;
  std::memcpy(&pair, weights, sizeof pair);
  return hn::BitCast(Shorts(), hn::Set(Ints(), pair));
}

/// The sum of pairs of products, for one vector of them.
struct PairSum {
  hn::Vec<Ints> even;
  hn::Vec<Ints> odd = hn::Zero(Ints());

  explicit HWY_INLINE PairSum(hn::Vec<Ints> start) : even(start) {}
  template <class V, class W>
  HWY_INLINE void add(V inputs, W weights) {
    even = hn::ReorderWidenMulAccumulate(Ints(), hn::BitCast(Shorts(), inputs), weights, even, odd);
  }
  HWY_INLINE auto total() const { return hn::RearrangeToOddPlusEven(even, odd); }
};

/// Byte positions that pair up two neighbouring 4-byte pixels, channel by channel, as 16-bit numbers; 0x80 gives zero.
alignas(16) constexpr uint8_t kFirstPair[16] = {0, 0x80, 4, 0x80, 1, 0x80, 5, 0x80, 2, 0x80, 6, 0x80, 3, 0x80, 7, 0x80};
alignas(16) constexpr uint8_t kSecondPair[16] = {8,  0x80, 12, 0x80, 9,  0x80, 13, 0x80,
                                                 10, 0x80, 14, 0x80, 11, 0x80, 15, 0x80};

/// One output pixel of kBlocks rows, one 32-bit element a channel: `taps` pixels from `offset` bytes on.
HWY_INLINE auto resample_pixel(const uint8_t* const* rows, size_t offset, const int16_t* weights, size_t taps,
                               hn::Vec<Ints> half, int precision) {
  const Bytes bytes;
  const auto first_pair = hn::LoadDup128(bytes, kFirstPair);
  const auto second_pair = hn::LoadDup128(bytes, kSecondPair);
  PairSum sum(half);
  size_t k = 0;
  for (; k + 4 <= taps; k += 4, offset += 16) {
    const auto pixels = load_blocks<kBlocks>(rows, offset);
    sum.add(hn::TableLookupBytesOr0(pixels, first_pair), weight_pair(weights + k));
    sum.add(hn::TableLookupBytesOr0(pixels, second_pair), weight_pair(weights + k + 2));
  }
  if (k < taps) {
    sum.add(hn::TableLookupBytesOr0(load_blocks<kBlocks>(rows, offset), first_pair), weight_pair(weights + k));
  }
  return hn::BitCast(Words(), hn::ShiftRightSame(sum.total(), precision));
}

/// Cut off at 0 and at 255, where pixels may leave these.
template <bool kOvershoots, class V>
HWY_INLINE V cut(V pixels) {
  if constexpr (!kOvershoots) return pixels;
  const Ints ints;
  const auto most = hn::Set(ints, 255);
  return hn::BitCast(Words(), hn::Min(hn::Max(hn::BitCast(ints, pixels), hn::Zero(ints)), most));
}

/// kTaps: axis.taps where it is known at compile time, else 0.
template <int kTaps, bool kOvershoots = false>
HWY_INLINE void resample_rows_with(const uint8_t* const* row_pointers, const AxisWeights& axis,
                                   uint8_t* const* quad_pointers) {
  // Copies, since the compiler must assume that storing bytes changes whatever lies behind a pointer.
  const uint8_t* rows[kBlocks];
  uint8_t* quads[kBlocks];
  std::copy_n(row_pointers, kBlocks, rows);
  std::copy_n(quad_pointers, kBlocks, quads);
  const size_t outputs = axis.first.size();
  const size_t taps = kTaps > 0 ? kTaps : static_cast<size_t>(axis.taps);
  const int32_t* const first = axis.first.data();
  const int16_t* weights = axis.weights.data();
  const int precision = axis.precision;
  const auto half = hn::Set(Ints(), 1 << (precision - 1));
  for (size_t x = 0; x < outputs; x += 4, weights += 4 * taps) {
    const auto pixel = [&](size_t i) HWY_ATTR {
      return cut<kOvershoots>(
          resample_pixel(rows, static_cast<size_t>(first[x + i]) * 4, weights + i * taps, taps, half, precision));
    };
    const auto quad = hn::Or(hn::Or(pixel(0), hn::ShiftLeft<8>(pixel(1))),
                             hn::Or(hn::ShiftLeft<16>(pixel(2)), hn::ShiftLeft<24>(pixel(3))));
    store_blocks<kBlocks>(hn::BitCast(Bytes(), quad), quads, x * 4);
  }
}

void ResampleRows(const uint8_t* const* rows, const AxisWeights& axis, uint8_t* const* quads) {
  for (int row = 0; row < kRowGroup; row += kBlocks) {
    if (axis.overshoots) {
      resample_rows_with<0, true>(rows + row, axis, quads + row);
      continue;
    }
    // Enlarging; shrinking by up to 2; by up to 3; more.
    switch (axis.taps) {
      case 2:
        resample_rows_with<2>(rows + row, axis, quads + row);
        break;
      case 4:
        resample_rows_with<4>(rows + row, axis, quads + row);
        break;
      case 6:
        resample_rows_with<6>(rows + row, axis, quads + row);
        break;
      default:
        resample_rows_with<0>(rows + row, axis, quads + row);
    }
  }
}

void ResampleColumns(const uint8_t* quads, size_t stride, const int16_t* weights, int taps, int precision, int width,
                     int planes, uint8_t* const* out) {
  const Bytes bytes;
  const auto zero = hn::Zero(bytes);
  const auto half = hn::Set(Ints(), 1 << (precision - 1));
  constexpr int kPixels = kVectorBytes / 4;
  const hn::FixedTag<uint8_t, kPixels> plane_bytes;
  for (int x = 0; x < width; x += kPixels) {
    PairSum red(half);
    PairSum green(half);
    PairSum blue(half);
    const uint8_t* row = quads + static_cast<size_t>(x) * 4;
    for (int k = 0; k < taps; k += 2, row += 2 * stride) {
      const auto upper = hn::LoadU(bytes, row);
      const auto lower = hn::LoadU(bytes, row + stride);
      const auto pair = weight_pair(weights + k);
      const auto red_green = hn::InterleaveLower(bytes, upper, lower);
      const auto blue_rest = hn::InterleaveUpper(bytes, upper, lower);
      red.add(hn::InterleaveLower(bytes, red_green, zero), pair);
      green.add(hn::InterleaveUpper(bytes, red_green, zero), pair);
      blue.add(hn::InterleaveLower(bytes, blue_rest, zero), pair);
    }
    const hn::Vec<Ints> sums[3] = {red.total(), green.total(), blue.total()};
    for (int plane = 0; plane < planes; ++plane) {
      const auto values = hn::DemoteTo(plane_bytes, hn::ShiftRightSame(sums[plane], precision));
      if (width - x >= kPixels) {
        hn::StoreU(values, plane_bytes, out[plane] + x);
      } else {
        alignas(64) uint8_t last[kPixels];
        hn::Store(values, plane_bytes, last);
        std::memcpy(out[plane] + x, last, static_cast<size_t>(width - x));
      }
    }
  }
}

void SplitRow(const uint8_t* pixels, int width, int planes, uint8_t* const* out) {
  const Bytes bytes;
  int x = 0;
  for (; x + kVectorBytes <= width; x += kVectorBytes) {
    hn::Vec<Bytes> v[4];
    hn::LoadInterleaved4(bytes, pixels + static_cast<size_t>(x) * 4, v[0], v[1], v[2], v[3]);
    for (int plane = 0; plane < planes; ++plane) hn::StoreU(v[plane], bytes, out[plane] + x);
  }
  for (; x < width; ++x) {
    for (int plane = 0; plane < planes; ++plane) out[plane][x] = pixels[x * 4 + plane];
  }
}

template <class V>
HWY_INLINE V reverse(V v) {
  alignas(16) constexpr uint8_t kReverse[16] = {15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0};
  const Bytes bytes;
  return hn::TableLookupBytes(hn::ReverseBlocks(bytes, v), hn::LoadDup128(bytes, kReverse));
}

void SplitRowMirrored(const uint8_t* pixels, int width, int planes, uint8_t* const* out) {
  const Bytes bytes;
  int x = 0;
  for (; x + kVectorBytes <= width; x += kVectorBytes) {
    hn::Vec<Bytes> v[4];
    hn::LoadInterleaved4(bytes, pixels + static_cast<size_t>(x) * 4, v[0], v[1], v[2], v[3]);
    for (int plane = 0; plane < planes; ++plane) {
      hn::StoreU(reverse(v[plane]), bytes, out[plane] + width - x - kVectorBytes);
    }
  }
  for (; x < width; ++x) {
    for (int plane = 0; plane < planes; ++plane) out[plane][width - 1 - x] = pixels[x * 4 + plane];
  }
}

void Normalize(const uint8_t* in, size_t count, float offset, float scale, float* out) {
  const hn::CappedTag<float, 16> floats;
  const hn::Rebind<int32_t, decltype(floats)> ints;
  const hn::Rebind<uint8_t, decltype(floats)> bytes;
  const size_t lanes = hn::Lanes(floats);
  const auto offsets = hn::Set(floats, offset);
  const auto scales = hn::Set(floats, scale);
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) {
    const auto values = hn::ConvertTo(floats, hn::PromoteTo(ints, hn::LoadU(bytes, in + i)));
    hn::StoreU(hn::Mul(hn::Sub(values, offsets), scales), floats, out + i);
  }
  for (; i < count; ++i) out[i] = (static_cast<float>(in[i]) - offset) * scale;
}

using Floats = hn::CappedTag<float, 16>;

/// Colours, as many as a vector of floats has lanes, 0..255 each.
struct Colors {
  hn::Vec<Floats> red;
  hn::Vec<Floats> green;
  hn::Vec<Floats> blue;
};

/// `sixths`: 0 to below 6.
HWY_INLINE Colors turn_hue(const Colors& in, hn::Vec<Floats> sixths) {
  const Floats floats;
  const auto one = hn::Set(floats, 1.0f);
  const auto four = hn::Set(floats, 4.0f);
  const auto six = hn::Set(floats, 6.0f);
  const auto most = hn::Max(hn::Max(in.red, in.green), in.blue);
  const auto range = hn::Sub(most, hn::Min(hn::Min(in.red, in.green), in.blue));
  // Gray has no hue: any will do, since it falls by a range of 0.
  const auto divisor = hn::Max(range, one);
  const auto from_green = hn::Add(hn::Sub(in.blue, in.red), hn::Add(range, range));
  const auto from_blue = hn::Add(hn::Sub(in.red, in.green), hn::Mul(range, four));
  const auto not_red = hn::IfThenElse(hn::Eq(most, in.green), from_green, from_blue);
  const auto hue = hn::Div(hn::IfThenElse(hn::Eq(most, in.red), hn::Sub(in.green, in.blue), not_red), divisor);
  const auto below_six = [&](auto k) HWY_ATTR { return hn::IfThenElse(hn::Ge(k, six), hn::Sub(k, six), k); };
  const auto turned = below_six(hn::Add(hn::IfThenElse(hn::Lt(hue, hn::Zero(floats)), hn::Add(hue, six), hue), sixths));
  // A channel falls from `most` by all of `range` where the hue is far from it:
  // https://en.wikipedia.org/wiki/HSL_and_HSV, "HSV to RGB alternative".
  const auto channel = [&](float offset) HWY_ATTR {
    const auto k = below_six(hn::Add(turned, hn::Set(floats, offset)));
    const auto fall = hn::Max(hn::Zero(floats), hn::Min(hn::Min(k, hn::Sub(four, k)), one));
    // Between the numbers a byte can hold, torchvision rounds down after multiplying by 255.999 instead of 255.
    return hn::Mul(hn::Sub(most, hn::Mul(range, fall)), hn::Set(floats, 255.999f / 255.0f));
  };
  return {channel(5), channel(3), channel(1)};
}

void TurnHues(uint8_t* red, uint8_t* green, uint8_t* blue, size_t count, float sixths) {
  const Floats floats;
  const hn::Rebind<int32_t, Floats> ints;
  const hn::Rebind<uint8_t, Floats> bytes;
  const size_t lanes = hn::Lanes(floats);
  const auto turn = hn::Set(floats, sixths);
  const auto load = [&](const uint8_t* in)
                        HWY_ATTR { return hn::ConvertTo(floats, hn::PromoteTo(ints, hn::LoadU(bytes, in))); };
  const auto store = [&](hn::Vec<Floats> values, uint8_t* out)
                         HWY_ATTR { hn::StoreU(hn::DemoteTo(bytes, hn::ConvertTo(ints, values)), bytes, out); };
  const auto turn_vector = [&](uint8_t* r, uint8_t* g, uint8_t* b) HWY_ATTR {
    const Colors out = turn_hue({load(r), load(g), load(b)}, turn);
    store(out.red, r);
    store(out.green, g);
    store(out.blue, b);
  };
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) turn_vector(red + i, green + i, blue + i);
  if (i == count) return;
  alignas(64) uint8_t last[3][hn::MaxLanes(floats)] = {};
  uint8_t* const planes[3] = {red + i, green + i, blue + i};
  for (int plane = 0; plane < 3; ++plane) std::memcpy(last[plane], planes[plane], count - i);
  turn_vector(last[0], last[1], last[2]);
  for (int plane = 0; plane < 3; ++plane) std::memcpy(planes[plane], last[plane], count - i);
}

}  // namespace millrace::image::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millrace::image {

HWY_EXPORT(ResampleRows);
HWY_EXPORT(ResampleColumns);
HWY_EXPORT(SplitRow);
HWY_EXPORT(SplitRowMirrored);
HWY_EXPORT(Normalize);
HWY_EXPORT(TurnHues);

void resample_rows(const uint8_t* const* rows, const AxisWeights& axis, uint8_t* const* quads) {
  HWY_DYNAMIC_DISPATCH(ResampleRows)(rows, axis, quads);
}

void resample_columns(const uint8_t* quads, size_t stride, const int16_t* weights, int taps, int precision, int width,
                      int planes, uint8_t* const* out) {
  HWY_DYNAMIC_DISPATCH(ResampleColumns)(quads, stride, weights, taps, precision, width, planes, out);
}

void split_row(const uint8_t* pixels, int width, int planes, uint8_t* const* out) {
  HWY_DYNAMIC_DISPATCH(SplitRow)(pixels, width, planes, out);
}

void split_row_mirrored(const uint8_t* pixels, int width, int planes, uint8_t* const* out) {
  HWY_DYNAMIC_DISPATCH(SplitRowMirrored)(pixels, width, planes, out);
}

void normalize(const uint8_t* in, size_t count, float offset, float scale, float* out) {
  HWY_DYNAMIC_DISPATCH(Normalize)(in, count, offset, scale, out);
}

void turn_hues(uint8_t* red, uint8_t* green, uint8_t* blue, size_t count, float sixths) {
  HWY_DYNAMIC_DISPATCH(TurnHues)(red, green, blue, count, sixths);
}

}  // namespace millrace::image
#endif  // HWY_ONCE
