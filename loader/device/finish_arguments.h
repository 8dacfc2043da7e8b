#pragma once

// This file is compiled twice: as a part of the library, and on the GPU's side as a part of finish.cu. It stands alone.

namespace millrace::device {

constexpr int kMaxChannels = 32;

/// What finish.cu is told about a batch. The ABI between host and device.
///
/// Output value {sample, channel, y, x} is (pixel - offset[channel]) * scale[channel], of the input's pixel
/// {sample, channel, top + y, left + x}, or, where the sample is flipped, {…, left + width - 1 - x}.
struct FinishArguments {
  const unsigned char* pixels;
  void* out;  ///< {samples, channels, height, width}, contiguous, aligned to 16 bytes.

  /// {samples, 3}: top, left and whether flipped, kept within the input. Null stands for the top left corner of every
  /// sample.
  const int* windows;

  long long sample_stride, channel_stride, row_stride, column_stride;  ///< The input's strides, in bytes.
  int samples, channels, height, width;                                ///< The output's sizes.
  int input_height, input_width;                                       ///< The input's sizes, at least the output's.
  float offset[kMaxChannels], scale[kMaxChannels];
};

}  // namespace millrace::device
