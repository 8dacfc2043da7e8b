#include "millrace/loader/images/transforms/number_canvas.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/constant_pad_nd.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/upsample_nearest2d.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/orientation.h"

namespace millrace::transforms {
namespace {

constexpr int64_t kDown = 2;
constexpr int64_t kAcross = 3;

// Turns what a camera stored that way the right way up: 5 to 8 exchange height and width.
at::Tensor upright(at::Tensor stored, int orientation) {
  if (orientation >= 5) stored = stored.transpose(kDown, kAcross);
  if (orientation == 2 || orientation == 3 || orientation == 6 || orientation == 7) stored = stored.flip({kAcross});
  if (orientation == 3 || orientation == 4 || orientation == 7 || orientation == 8) stored = stored.flip({kDown});
  return stored;
}

}  // namespace

NumberCanvas::NumberCanvas(std::span<const std::byte> file, const PictureOptions& options) {
  const image::Numbers decoded = image::decode_numbers(file, options.max_pixels);
  numbers_ = at::empty({1, 1, decoded.size.height, decoded.size.width}, c10::ScalarType::Float);
  std::copy(decoded.values.begin(), decoded.values.end(), numbers_.mutable_data_ptr<float>());
  if (options.orientation == Orientation::kExif) numbers_ = upright(numbers_, image::exif_orientation(file));
}

image::Size NumberCanvas::size() const {
  return {static_cast<int>(numbers_.size(kDown)), static_cast<int>(numbers_.size(kAcross))};
}

void NumberCanvas::crop(const image::Box& box) {
  numbers_ = numbers_.narrow(kDown, box.y, box.height).narrow(kAcross, box.x, box.width);
}

void NumberCanvas::flip_horizontal() { numbers_ = numbers_.flip({kAcross}); }
void NumberCanvas::flip_vertical() { numbers_ = numbers_.flip({kDown}); }

void NumberCanvas::resize(image::Size target, image::ResizeFilter filter) {
  const std::array<int64_t, 2> size = {target.height, target.width};
  switch (filter) {
    case image::ResizeFilter::kNearest:
      numbers_ = at::upsample_nearest2d(numbers_, size);
      break;
    case image::ResizeFilter::kBilinear:
      numbers_ = at::_upsample_bilinear2d_aa(numbers_, size, /*align_corners=*/false);
      break;
    case image::ResizeFilter::kBicubic:
      numbers_ = at::_upsample_bicubic2d_aa(numbers_, size, /*align_corners=*/false);
      break;
  }
}

void NumberCanvas::pad(const image::Borders& borders, image::PadMode, std::span<const uint8_t> fill) {
  numbers_ = at::constant_pad_nd(numbers_, {borders.left, borders.right, borders.top, borders.bottom}, fill[0]);
}

void NumberCanvas::write(PixelType type, std::span<std::byte> row) const {
  const at::Tensor packed = numbers_.contiguous();
  const auto* from = packed.const_data_ptr<float>();
  if (type == PixelType::kFloat32) {
    std::copy_n(from, packed.numel(), reinterpret_cast<float*>(row.data()));
    return;
  }
  std::transform(from, from + packed.numel(), reinterpret_cast<uint16_t*>(row.data()), [](float number) {
    return static_cast<uint16_t>(std::clamp(std::nearbyint(number), 0.0F, 65535.0F));
  });
}

}  // namespace millrace::transforms
