#include "millrace/loader/images/transforms/pixels.h"

#include "millrace/loader/images/transforms/canvas.h"

namespace millrace::transforms {

Pixels::Pixels(Canvas& canvas, Targets& targets, Scratch& scratch, Canvas* companion)
    : MovedPicture(canvas, targets, companion), canvas_(canvas), companion_(companion), scratch_(scratch) {}

int Pixels::channels() const { return canvas_.channels(); }

image::Planes Pixels::planes() { return canvas_.pixels(); }

image::Planes Pixels::other(image::Size size, int channels) { return canvas_.other(size, channels); }

void Pixels::replace() { canvas_.replace(); }

void Pixels::transform_affine(const image::Affine& affine, image::Interpolation interpolation,
                              std::span<const uint8_t> fill) {
  targets_.transform_affine(size(), affine);
  canvas_.transform_affine(affine, interpolation, fill);
  if (companion_ != nullptr) companion_->transform_affine(affine, interpolation, fill);
}

}  // namespace millrace::transforms
