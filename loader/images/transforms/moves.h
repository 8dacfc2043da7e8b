#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <span>

#include "millrace/loader/images/transforms/targets.h"
#include "millrace/loader/images/transforms/transforms.h"

namespace millrace::transforms {

/// Applies the steps that only move pixels to a picture and to its targets: a visitor of them. `Picture` has size(),
/// crop(box), flip_horizontal(), flip_vertical(), resize(size) and pad(borders, mode, fill).
template <class Picture>
class Moves {
 public:
  Moves(Picture& picture, SampleRng& rng, Targets& targets) : picture_(picture), targets_(targets), rng_(rng) {}

  void operator()(const Resize& step) { resize(step.output_size(picture_.size())); }

  void operator()(const CenterCrop& step) {
    const image::Size now = picture_.size();
    const image::Size target = step.size;
    const image::Size padded = {std::max(target.height, now.height), std::max(target.width, now.width)};
    const int top = (padded.height - now.height) / 2;
    const int left = (padded.width - now.width) / 2;
    constexpr std::array<uint8_t, 1> kBlack = {0};
    pad({left, top, padded.width - now.width - left, padded.height - now.height - top}, PadMode::kConstant, kBlack);
    // Halves to the even neighbour, as Python rounds.
    crop({static_cast<int>(std::nearbyint((padded.height - target.height) / 2.0)),
          static_cast<int>(std::nearbyint((padded.width - target.width) / 2.0)), target.height, target.width});
  }

  void operator()(const RandomResizedCrop& step) {
    crop(step.draw(picture_.size(), rng_));
    resize(step.size);
  }

  void operator()(const RandomHorizontalFlip& step) {
    if (!rng_.chance(step.p)) return;
    targets_.flip_horizontal(picture_.size());
    picture_.flip_horizontal();
  }

  void operator()(const RandomVerticalFlip& step) {
    if (!rng_.chance(step.p)) return;
    targets_.flip_vertical(picture_.size());
    picture_.flip_vertical();
  }

  void operator()(const Pad& step) { pad(step.borders, step.mode, step.fill); }

  void operator()(const RandomCrop& step) {
    pad(step.borders(picture_.size()), step.padding.mode, step.padding.fill);
    crop(step.draw(picture_.size(), rng_));
  }

 private:
  void crop(const image::Box& box) {
    targets_.crop(box);
    picture_.crop(box);
  }

  void resize(image::Size target) {
    if (target == picture_.size()) return;
    targets_.resize(picture_.size(), target);
    picture_.resize(target);
  }

  void pad(const image::Borders& borders, PadMode mode, std::span<const uint8_t> fill) {
    if (borders == image::Borders{}) return;
    targets_.pad(picture_.size(), borders, mode);
    picture_.pad(borders, mode, fill);
  }

  Picture& picture_;
  Targets& targets_;
  SampleRng& rng_;
};

}  // namespace millrace::transforms
