#pragma once

#include <ATen/core/Tensor.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/moved_picture.h"

namespace millrace::transforms {

/// A picture of one channel whose values are the numbers in its file (PixelType), on its way to a batch. It computes
/// in float32, which holds 16 bits exactly, with ATen's operations, so that a resize is what
/// torchvision.transforms.v2.Resize makes of a float tensor. Serves one thread.
class NumberCanvas final : public Movable {
 public:
  /// Decodes the picture. Throws std::runtime_error as image::decode_numbers() does.
  NumberCanvas(std::span<const std::byte> file, const PictureOptions& options);

  image::Size size() const override;

  void crop(const image::Box& box) override;
  void flip_horizontal() override;
  void flip_vertical() override;
  void resize(image::Size target, image::ResizeFilter filter) override;

  /// Adds borders. REQUIRES: PadMode::kConstant and one value.
  void pad(const image::Borders& borders, image::PadMode mode, std::span<const uint8_t> fill) override;

  /// Writes height x width values of `type` to `row`, which has exactly that many bytes; for uint16 they are rounded to
  /// the nearest.
  void write(PixelType type, std::span<std::byte> row) const;

 private:
  at::Tensor numbers_;  // {1, 1, height, width}.
};

}  // namespace millrace::transforms
