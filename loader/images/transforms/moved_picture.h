#pragma once

#include <cstdint>
#include <span>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/resize_filter.h"
#include "millrace/loader/images/transforms/targets.h"

namespace millrace::transforms {

/// A picture whose pixels can be moved.
class Movable {
 public:
  virtual image::Size size() const = 0;
  virtual void crop(const image::Box& box) = 0;
  virtual void flip_horizontal() = 0;
  virtual void flip_vertical() = 0;
  virtual void resize(image::Size target, image::ResizeFilter filter) = 0;
  virtual void pad(const image::Borders& borders, image::PadMode mode, std::span<const uint8_t> fill) = 0;

 protected:
  ~Movable() = default;
};

/// A picture and what belongs to it, its targets and perhaps a companion, another picture of its size, as a transform
/// that only moves pixels sees them: what it does to one is done to all.
class MovedPicture {
 public:
  MovedPicture(Movable& picture, Targets& targets, Movable* companion = nullptr)
      : targets_(targets), picture_(picture), companion_(companion) {}

  image::Size size() const { return picture_.size(); }

  void crop(const image::Box& box) {
    targets_.crop(box);
    move_all([&](Movable& picture) { picture.crop(box); });
  }

  void flip_horizontal() {
    targets_.flip_horizontal(size());
    move_all([](Movable& picture) { picture.flip_horizontal(); });
  }

  void flip_vertical() {
    targets_.flip_vertical(size());
    move_all([](Movable& picture) { picture.flip_vertical(); });
  }

  void resize(image::Size target, image::ResizeFilter filter = image::ResizeFilter::kBilinear) {
    if (target == size()) return;
    targets_.resize(size(), target);
    move_all([&](Movable& picture) { picture.resize(target, filter); });
  }

  void pad(const image::Borders& borders, image::PadMode mode, std::span<const uint8_t> fill) {
    if (borders == image::Borders{}) return;
    targets_.pad(size(), borders, mode);
    move_all([&](Movable& picture) { picture.pad(borders, mode, fill); });
  }

 protected:
  Targets& targets_;

 private:
  template <class Move>
  void move_all(const Move& move) {
    move(picture_);
    if (companion_ != nullptr) move(*companion_);
  }

  Movable& picture_;
  Movable* companion_;
};

}  // namespace millrace::transforms
