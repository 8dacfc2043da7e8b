// Pixels to a model's input, on the GPU: see finish_arguments.h. The library holds this text and has NVRTC compile it
// for the device at hand, so that neither building nor running it takes a CUDA toolkit or its headers.
//
// The work is all reading and writing memory. Every store is of 16 bytes, a run, and side by side with its neighbours'.
// Where rows are whole runs a thread makes one of a row in every channel, so that the bytes of an interleaved pixel are
// read by one thread, one right after another. Where they are not, a row begins anywhere between two runs (224 x 224 is
// the rule, 223 x 221 took four times as long value by value), so a thread makes one run of the output as a whole,
// across rows.
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

__device__ int within(int value, int last) { return min(max(value, 0), last); }

// The place where a window begins in its sample, and whether it is mirrored.
struct Corner {
  int top = 0, left = 0;
  bool flipped = false;
};

__device__ Corner corner_of(const FinishArguments& batch, int sample) {
  Corner corner;
  if (!batch.windows) return corner;
  const int* const window = batch.windows + 3ll * sample;
  corner.top = within(window[0], batch.input_height - batch.height);
  corner.left = within(window[1], batch.input_width - batch.width);
  corner.flipped = window[2] != 0;
  return corner;
}

// The pixel in channel 0 that column 0 of a row of the output is made of, where nothing is mirrored.
__device__ const unsigned char* line_of(const FinishArguments& batch, int sample, int y, const Corner& corner) {
  return batch.pixels + sample * batch.sample_stride + (corner.top + y) * batch.row_stride +
         corner.left * batch.column_stride;
}

template <class T>
__device__ void finish_rows(const FinishArguments& batch, long long index) {
  constexpr int kRun = Run<T>::kValues;
  const int runs = batch.width / kRun;
  if (index >= static_cast<long long>(batch.samples) * batch.height * runs) return;
  // Fits: the host takes no batch of more runs.
  const unsigned row = static_cast<unsigned>(index) / runs;
  const int first = static_cast<int>(static_cast<unsigned>(index) % runs) * kRun;
  const int sample = static_cast<int>(row / batch.height);
  const int y = static_cast<int>(row % batch.height);
  const Corner corner = corner_of(batch, sample);
  const unsigned char* const line = line_of(batch, sample, y, corner);

  for (int channel = 0; channel < batch.channels; ++channel) {
    const float offset = batch.offset[channel], scale = batch.scale[channel];
    Run<T> run;
    for (int i = 0; i < kRun; ++i) {
      const long long column = corner.flipped ? batch.width - 1 - (first + i) : first + i;
      const unsigned char pixel = __ldg(line + channel * batch.channel_stride + column * batch.column_stride);
      convert((static_cast<float>(pixel) - offset) * scale, run.values[i]);
    }
    const long long out =
        ((static_cast<long long>(sample) * batch.channels + channel) * batch.height + y) * batch.width;
    *reinterpret_cast<Run<T>*>(static_cast<T*>(batch.out) + out + first) = run;
  }
}

// Index is wide enough for the number of a value; division by 64 bits takes many instructions.
template <class T, class Index>
__device__ void finish_across_rows(const FinishArguments& batch, Index first, Index total) {
  constexpr int kRun = Run<T>::kValues;
  const Index row = first / batch.width;
  const Index plane = row / batch.height;
  int x = static_cast<int>(first % batch.width);
  int y = static_cast<int>(row % batch.height);
  int channel = static_cast<int>(plane % batch.channels);
  int sample = static_cast<int>(plane / batch.channels);
  const int count = static_cast<int>(min(total - first, static_cast<Index>(kRun)));
  Corner corner = corner_of(batch, sample);
  const unsigned char* line = line_of(batch, sample, y, corner);

  Run<T> run;
  for (int i = 0; i < kRun; ++i) {
    if (i == count) break;
    if (x == batch.width) {
      x = 0;
      if (++y == batch.height) {
        y = 0;
        if (++channel == batch.channels) {
          channel = 0;
          corner = corner_of(batch, ++sample);
        }
      }
      line = line_of(batch, sample, y, corner);
    }
    const long long column = corner.flipped ? batch.width - 1 - x : x;
    const unsigned char pixel = __ldg(line + channel * batch.channel_stride + column * batch.column_stride);
    convert((static_cast<float>(pixel) - batch.offset[channel]) * batch.scale[channel], run.values[i]);
    ++x;
  }
  T* const to = static_cast<T*>(batch.out) + first;
  if (count == kRun) {
    *reinterpret_cast<Run<T>*>(to) = run;
    return;
  }
  for (int i = 0; i < kRun; ++i)  // The last run of all. Not up to count: then the run would not stay in registers.
    if (i < count) to[i] = run.values[i];
}

template <class T>
__device__ void finish(const FinishArguments& batch) {
  const long long index = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (batch.width % Run<T>::kValues == 0) {
    finish_rows<T>(batch, index);
    return;
  }
  const long long total = static_cast<long long>(batch.samples) * batch.channels * batch.height * batch.width;
  const long long first = index * Run<T>::kValues;
  if (first >= total) return;
  if (total <= 0xffffffffll)
    finish_across_rows<T>(batch, static_cast<unsigned>(first), static_cast<unsigned>(total));
  else
    finish_across_rows<T>(batch, first, total);
}

}  // namespace

extern "C" __global__ void millrace_finish_float(const FinishArguments batch) { finish<float>(batch); }
extern "C" __global__ void millrace_finish_half(const FinishArguments batch) { finish<Half>(batch); }
extern "C" __global__ void millrace_finish_bfloat16(const FinishArguments batch) { finish<BFloat16>(batch); }
