#include "millrace/loader/device/finish_steps.h"

#include <ATen/EmptyTensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/index.h>
#include <ATen/ops/where.h>
#include <c10/core/DeviceGuard.h>
#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>

#include <algorithm>
#include <array>
#include <sstream>
#include <stdexcept>
#include <string>

#include "millrace/sharing/os/counted.h"

namespace millrace::device {
namespace {

using transforms::Normalize;

[[noreturn]] void refuse(const std::string& what) { throw std::invalid_argument("finish: " + what); }

image::Size size_of(const at::Tensor& pictures) {
  return {static_cast<int>(pictures.size(2)), static_cast<int>(pictures.size(3))};
}

void check_windows(const at::Tensor& pictures, const Windows& windows) {
  const auto [height, width] = windows.size;
  const image::Size whole = size_of(pictures);
  if (height < 1 || width < 1 || height > whole.height || width > whole.width)
    refuse("windows of " + to_string(windows.size) + " (height x width) do not lie in pictures of " + to_string(whole));
  const at::Tensor& corners = windows.corners;
  if (!corners.defined() || corners.scalar_type() != c10::kInt ||
      corners.sizes() != c10::IntArrayRef({pictures.size(0), 3}) || corners.device() != pictures.device() ||
      !corners.is_contiguous())
    refuse("the windows' corners must be int32 {" + std::to_string(pictures.size(0)) + ", 3}, contiguous, on " +
           pictures.device().str());
}

void check(const at::Tensor& pictures, const Normalize& normalize, const std::optional<Windows>& windows) {
  if (pictures.scalar_type() != c10::kByte || pictures.dim() != 4) {
    std::ostringstream found;
    found << c10::toString(pictures.scalar_type()) << " " << pictures.sizes();
    refuse("pictures must be uint8 {N, C, H, W}, found " + found.str());
  }
  const int64_t channels = pictures.size(1);
  if (channels > kMaxChannels)
    refuse("pictures may have " + std::to_string(kMaxChannels) + " channels, found " + std::to_string(channels));
  const auto means = static_cast<int64_t>(normalize.mean.size());
  if (means != 1 && means != channels)
    refuse(counted(means, "mean") + " for pictures with " + counted(channels, "channel"));
  if (std::any_of(pictures.sizes().begin(), pictures.sizes().end(), [](int64_t size) { return size > INT32_MAX; }))
    refuse("pictures are too large");
  if (windows) check_windows(pictures, *windows);
}

// The numbers that finish a channel: `offset` is subtracted from a pixel, and the result multiplied by `scale`. They
// are float32, as in a chain's Normalize.
struct Constants {
  std::array<float, kMaxChannels> offset{}, scale{};

  Constants(const Normalize& normalize, int64_t channels) {
    for (size_t channel = 0; channel < static_cast<size_t>(channels); ++channel) {
      const size_t i = normalize.mean.size() == 1 ? 0 : channel;
      offset[channel] = normalize.mean[i] * 255.0F;
      scale[channel] = 1.0F / (normalize.std[i] * 255.0F);
    }
  }
};

int within(int value, int last) { return std::clamp(value, 0, last); }

template <class T>
void finish_on_cpu_as(const FinishArguments& batch) {
  auto* out = static_cast<T*>(batch.out);
  for (int sample = 0; sample < batch.samples; ++sample) {
    int top = 0, left = 0;
    bool flipped = false;
    if (batch.windows) {
      const int* const window = batch.windows + 3 * int64_t{sample};
      top = within(window[0], batch.input_height - batch.height);
      left = within(window[1], batch.input_width - batch.width);
      flipped = window[2] != 0;
    }
    for (int channel = 0; channel < batch.channels; ++channel) {
      for (int y = 0; y < batch.height; ++y) {
        const unsigned char* const line =
            batch.pixels + sample * batch.sample_stride + channel * batch.channel_stride + (top + y) * batch.row_stride;
        for (int x = 0; x < batch.width; ++x) {
          const int column = left + (flipped ? batch.width - 1 - x : x);
          const auto pixel = static_cast<float>(line[column * batch.column_stride]);
          *out++ = static_cast<T>((pixel - batch.offset[channel]) * batch.scale[channel]);
        }
      }
    }
  }
}

// Cuts the window out of every picture, mirrored where the window says so.
at::Tensor cut(const at::Tensor& pictures, const Windows& windows) {
  const auto [height, width] = windows.size;
  const auto numbers = [&](int64_t count) {
    return at::arange(count, at::TensorOptions(c10::kLong).device(pictures.device()));
  };
  const auto corners = windows.corners.to(c10::kLong);
  const auto top = corners.select(1, 0).clamp(0, pictures.size(2) - height).unsqueeze(1);
  const auto left = corners.select(1, 1).clamp(0, pictures.size(3) - width).unsqueeze(1);
  const auto flipped = corners.select(1, 2).ne(0).unsqueeze(1);
  const auto x = numbers(width).unsqueeze(0);
  const auto rows = top.add(numbers(height).unsqueeze(0));
  const auto columns = left.add(at::where(flipped, x.neg().add(width - 1), x));
  const c10::List<std::optional<at::Tensor>> indices({numbers(pictures.size(0)).view({-1, 1, 1, 1}),
                                                      numbers(pictures.size(1)).view({1, -1, 1, 1}),
                                                      rows.view({-1, 1, height, 1}), columns.view({-1, 1, 1, width})});
  return at::index(pictures, indices);
}

}  // namespace

at::Tensor empty_finished(const at::Tensor& pictures, const Normalize& normalize,
                          const std::optional<Windows>& windows) {
  check(pictures, normalize, windows);
  const image::Size size = windows ? windows->size : size_of(pictures);
  const auto device = pictures.device();
  const c10::OptionalDeviceGuard guard(device.is_cpu() ? std::nullopt : std::optional(device));
  const c10::DispatchKeySet key(device.is_cpu() ? c10::DispatchKey::CPU : c10::DispatchKey::CUDA);
  return at::detail::empty_generic({pictures.size(0), pictures.size(1), size.height, size.width},
                                   c10::GetAllocator(device.type()), key, normalize.dtype, std::nullopt);
}

FinishArguments finish_arguments(const at::Tensor& pictures, const at::Tensor& out, const Normalize& normalize,
                                 const std::optional<Windows>& windows) {
  FinishArguments arguments{};
  arguments.pixels = pictures.const_data_ptr<uint8_t>();
  arguments.out = out.mutable_data_ptr();
  arguments.windows = windows ? windows->corners.const_data_ptr<int>() : nullptr;
  arguments.sample_stride = pictures.stride(0);
  arguments.channel_stride = pictures.stride(1);
  arguments.row_stride = pictures.stride(2);
  arguments.column_stride = pictures.stride(3);
  arguments.samples = static_cast<int>(out.size(0));
  arguments.channels = static_cast<int>(out.size(1));
  arguments.height = static_cast<int>(out.size(2));
  arguments.width = static_cast<int>(out.size(3));
  arguments.input_height = static_cast<int>(pictures.size(2));
  arguments.input_width = static_cast<int>(pictures.size(3));
  const Constants constants(normalize, pictures.size(1));
  std::copy(constants.offset.begin(), constants.offset.end(), arguments.offset);
  std::copy(constants.scale.begin(), constants.scale.end(), arguments.scale);
  return arguments;
}

void finish_on_cpu(const FinishArguments& arguments, c10::ScalarType dtype) {
  switch (dtype) {
    case c10::kFloat:
      return finish_on_cpu_as<float>(arguments);
    case c10::kHalf:
      return finish_on_cpu_as<c10::Half>(arguments);
    default:
      return finish_on_cpu_as<c10::BFloat16>(arguments);
  }
}

at::Tensor finish_by_torch(const at::Tensor& pictures, const Normalize& normalize,
                           const std::optional<Windows>& windows) {
  check(pictures, normalize, windows);
  Constants constants(normalize, pictures.size(1));
  const auto per_channel = [&](std::array<float, kMaxChannels>& values) {
    return at::from_blob(values.data(), {1, pictures.size(1), 1, 1}, c10::kFloat).to(pictures.device());
  };
  const auto offset = per_channel(constants.offset), scale = per_channel(constants.scale);
  const auto pixels = windows ? cut(pictures, *windows) : pictures;
  return pixels.to(c10::kFloat).sub_(offset).mul_(scale).to(normalize.dtype).contiguous();
}

}  // namespace millrace::device
