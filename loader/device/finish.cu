// Pixels to a model's input, on the GPU: see finish_arguments.h. The library holds this text and has NVRTC compile it
// for the device at hand, so that neither building nor running it takes a CUDA toolkit or its headers.
//
// The work is all reading and writing memory. A thread makes 16 bytes of a row in every channel: a store each, side by
// side with its neighbours', and the bytes of an interleaved pixel are read by one thread, one right after another.
#include "millrace/loader/device/finish_arguments.h"

namespace {

using millrace::device::FinishArguments;

// CUDA's own types for these need its headers.
struct Half {
  unsigned short bits;
};
struct BFloat16 {
  unsigned short bits;
};

// Values are finite, and rounded to nearest, ties to even.
__device__ void convert(float value, float& to) { to = value; }
__device__ void convert(float value, Half& to) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(to.bits) : "f"(value)); }
__device__ void convert(float value, BFloat16& to) {
  const unsigned bits = __float_as_uint(value);
  to.bits = static_cast<unsigned short>((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

template <class T>
struct alignas(16) Run {
  static constexpr int kValues = 16 / sizeof(T);
  T values[kValues];
};

template <class T>
__device__ void store(const Run<T>& run, T* to, int count, bool aligned) {
  if (aligned) {
    *reinterpret_cast<Run<T>*>(to) = run;
    return;
  }
  for (int i = 0; i < Run<T>::kValues; ++i)
    if (i < count) to[i] = run.values[i];
}

__device__ int within(int value, int last) { return min(max(value, 0), last); }

template <class T>
__device__ void finish(const FinishArguments& batch) {
  constexpr int kRun = Run<T>::kValues;
  const int runs = (batch.width + kRun - 1) / kRun;
  const long long index = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (index >= static_cast<long long>(batch.samples) * batch.height * runs) return;
  // Fits: the host takes no batch of more runs.
  const unsigned row = static_cast<unsigned>(index) / runs;
  const int first = static_cast<int>(static_cast<unsigned>(index) % runs) * kRun;
  const int sample = static_cast<int>(row / batch.height);
  const int y = static_cast<int>(row % batch.height);
  const int count = min(kRun, batch.width - first);

  int top = 0, left = 0;
  bool flipped = false;
  if (batch.windows) {
    const int* const window = batch.windows + 3ll * sample;
    top = within(window[0], batch.input_height - batch.height);
    left = within(window[1], batch.input_width - batch.width);
    flipped = window[2] != 0;
  }
  const unsigned char* const line =
      batch.pixels + sample * batch.sample_stride + (top + y) * batch.row_stride + left * batch.column_stride;
  const bool aligned = batch.width % kRun == 0;

  for (int channel = 0; channel < batch.channels; ++channel) {
    const float offset = batch.offset[channel], scale = batch.scale[channel];
    Run<T> run;
    for (int i = 0; i < kRun; ++i) {
      const int x = first + min(i, count - 1);
      const long long column = flipped ? batch.width - 1 - x : x;
      const unsigned char pixel = __ldg(line + channel * batch.channel_stride + column * batch.column_stride);
      convert((static_cast<float>(pixel) - offset) * scale, run.values[i]);
    }
    const long long out =
        ((static_cast<long long>(sample) * batch.channels + channel) * batch.height + y) * batch.width;
    store(run, static_cast<T*>(batch.out) + out + first, count, aligned);
  }
}

}  // namespace

extern "C" __global__ void millrace_finish_float(const FinishArguments batch) { finish<float>(batch); }
extern "C" __global__ void millrace_finish_half(const FinishArguments batch) { finish<Half>(batch); }
extern "C" __global__ void millrace_finish_bfloat16(const FinishArguments batch) { finish<BFloat16>(batch); }
