#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/kernels.h"
#include "millrace/loader/images/resize_filter.h"

namespace millrace::image {

/// Which of `from` pixels the nearest is for pixel `i` of `to`, as torch's interpolate has it.
int nearest_input(int i, int from, int to);

/// A resize of a picture of size `input` to `output`, of which only `window` is wanted. The picture may be mirrored
/// left-right before (mirror_input) and after the resize (mirror_output: the window's columns are written in reverse).
struct ResampleRequest {
  Size input;
  Size output;
  Box window;
  bool mirror_input = false;
  bool mirror_output = false;
  ResizeFilter filter = ResizeFilter::kBilinear;
};

/// Resize of 8-bit pictures: filters, but for the nearest pixel, as wide as the scale when shrinking, cut at the
/// picture's edges, rows first, 8-bit numbers between the passes. It is the algorithm of torchvision's
/// resize(antialias=True) on uint8 tensors, and gives its results bit for bit: ATen's _upsample_bilinear2d_aa,
/// _upsample_bicubic2d_aa (a = -0.5) with 16-bit fixed-point weights, and upsample_nearest2d,
/// https://github.com/pytorch/pytorch (aten/src/ATen/native/cpu/UpSampleKernel.cpp), of which the first two follow PIL.
///
/// The picture is fed in strips, so that the decoder's rows are used while they are in the cache and the picture as a
/// whole is never in memory. One object serves one thread for any number of pictures and keeps its memory between them.
class Resampler {
 public:
  /// REQUIRES: no size is zero, `window` lies inside `output`.
  void start(const ResampleRequest& request);

  /// The part of the input that the window depends on, and whose rows feed() expects.
  const Box& needed() const { return needed_; }

  /// Takes the next rows of needed().
  void feed(const Strip& strip);

  /// Writes the window to `out`: `planes` planes of its size, one behind the other. REQUIRES: all rows of needed() were
  /// fed.
  void finish(int planes, std::span<uint8_t> out);

 private:
  Box window_;
  Box needed_;
  AxisWeights columns_;  // How a row's outputs depend on its columns.
  AxisWeights rows_;
  std::vector<double> filter_;
  std::vector<uint8_t> quads_;  // The picture between the passes.
  size_t quads_stride_ = 0;
  int rows_fed_ = 0;
};

}  // namespace millrace::image
