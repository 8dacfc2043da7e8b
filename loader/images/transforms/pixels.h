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

/// A picture and what belongs to it, as a transform that changes pixels sees them: those of the picture alone.
class Pixels : public MovedPicture {
 public:
  Pixels(Canvas& canvas, Targets& targets, Scratch& scratch, Canvas* companion = nullptr);

  int channels() const;
  /// Whether something moves with the picture.
  bool is_followed() const { return companion_ != nullptr || !targets_.empty(); }
  Scratch& scratch() { return scratch_; }

  /// The picture as it is now, to be changed in place. Valid until it is moved or replaced.
  image::Planes planes();

  /// Memory for another picture, which replace() puts in the place of the present one; nothing happens then to what
  /// belongs to it. It is valid until then, and so are the present planes().
  image::Planes other(image::Size size, int channels);
  void replace();

  /// Moves the picture and what belongs to it by the affine map.
  void transform_affine(const image::Affine& affine, image::Interpolation interpolation, std::span<const uint8_t> fill);

 private:
  Canvas& canvas_;
  Canvas* companion_;
  Scratch& scratch_;
};

}  // namespace millrace::transforms
