#pragma once

#include <cstdint>
#include <span>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/transforms/targets.h"

namespace millrace::transforms {

/// A picture whose pixels can be moved.
class Movable {
 public:
  virtual image::Size size() const = 0;
  virtual void crop(const image::Box& box) = 0;
  virtual void flip_horizontal() = 0;
  virtual void flip_vertical() = 0;
  virtual void resize(image::Size target) = 0;
  virtual void pad(const image::Borders& borders, image::PadMode mode, std::span<const uint8_t> fill) = 0;

 protected:
  ~Movable() = default;
};

/// A picture and its targets, as a transform that only moves pixels sees them: what it does to one is done to both.
class MovedPicture {
 public:
  MovedPicture(Movable& picture, Targets& targets) : targets_(targets), picture_(picture) {}

  image::Size size() const { return picture_.size(); }

  void crop(const image::Box& box) {
    targets_.crop(box);
    picture_.crop(box);
  }

  void flip_horizontal() {
    targets_.flip_horizontal(size());
    picture_.flip_horizontal();
  }

  void flip_vertical() {
    targets_.flip_vertical(size());
    picture_.flip_vertical();
  }

  void resize(image::Size target) {
    if (target == size()) return;
    targets_.resize(size(), target);
    picture_.resize(target);
  }

  void pad(const image::Borders& borders, image::PadMode mode, std::span<const uint8_t> fill) {
    if (borders == image::Borders{}) return;
    targets_.pad(size(), borders, mode);
    picture_.pad(borders, mode, fill);
  }

 protected:
  Targets& targets_;

 private:
  Movable& picture_;
};

}  // namespace millrace::transforms
