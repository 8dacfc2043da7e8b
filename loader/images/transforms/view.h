#pragma once

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/resample.h"

namespace millrace::transforms {

/// A picture as some steps leave it, described by its source and not computed: crop, mirror, resize, crop again, mirror
/// again. A value.
class View {
 public:
  View() = default;
  explicit View(image::Size source) : source_size_(source), crop_(image::whole(source)) {}

  image::Size size() const { return resized_ ? window_.size() : crop_.size(); }

  /// Keeps `box` of the present view.
  void crop(const image::Box& box) {
    image::Box& kept = resized_ ? window_ : crop_;
    const int x = mirror() ? kept.width - box.x - box.width : box.x;
    kept = {kept.y + box.y, kept.x + x, box.height, box.width};
  }

  void flip() { mirror() = !mirror(); }

  /// Resizes the present view to `target`. REQUIRES: not resized().
  void resize(image::Size target, image::ResizeFilter filter) {
    resized_ = true;
    target_ = target;
    filter_ = filter;
    window_ = image::whole(target);
  }

  /// Whether the view is the whole source, unchanged.
  bool untouched() const { return !resized_ && !mirrored_source_ && crop_ == image::whole(source_size_); }
  bool resized() const { return resized_; }
  image::Size source_size() const { return source_size_; }
  bool mirrored() const { return mirrored_source_; }
  const image::Box& source() const { return crop_; }
  image::ResampleRequest request() const {
    return {crop_.size(), target_, window_, mirrored_source_, mirrored_target_, filter_};
  }

 private:
  bool& mirror() { return resized_ ? mirrored_target_ : mirrored_source_; }

  image::Size source_size_;
  image::Box crop_;
  bool mirrored_source_ = false;
  bool resized_ = false;
  image::Size target_;
  image::ResizeFilter filter_ = image::ResizeFilter::kBilinear;
  image::Box window_;
  bool mirrored_target_ = false;
};

}  // namespace millrace::transforms
