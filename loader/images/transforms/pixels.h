#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/moved_picture.h"

namespace millrace::transforms {

class Canvas;

/// Memory that transforms keep from picture to picture.
struct Scratch {
  std::vector<float> blur;
  std::vector<uint8_t> sharpness;
};

/// A picture and its targets, as a transform that changes pixels sees them.
class Pixels : public MovedPicture {
 public:
  Pixels(Canvas& canvas, Targets& targets, Scratch& scratch);

  int channels() const;
  bool has_targets() const { return !targets_.empty(); }
  Scratch& scratch() { return scratch_; }

  /// The picture as it is now, to be changed in place. Valid until it is moved or replaced.
  image::Planes planes();

  /// Memory for another picture, which replace() puts in the place of the present one; nothing happens to the targets
  /// then. It is valid until then, and so are the present planes().
  image::Planes other(image::Size size, int channels);
  void replace();

  /// Moves picture and targets by the affine map.
  void transform_affine(const image::Affine& affine, image::Interpolation interpolation, std::span<const uint8_t> fill);

 private:
  Canvas& canvas_;
  Scratch& scratch_;
};

}  // namespace millrace::transforms
