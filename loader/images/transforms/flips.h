#pragma once

#include "millrace/loader/images/transforms/transform.h"

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomHorizontalFlip: left becomes right with probability p.
struct RandomHorizontalFlip : KeepsShape {
  double p = 0.5;

  static constexpr std::string_view kName = "RandomHorizontalFlip";
  static constexpr std::string_view kAbout = "left becomes right";
  static constexpr auto fields() { return list(probability(&RandomHorizontalFlip::p)); }

  RandomHorizontalFlip() = default;
  explicit RandomHorizontalFlip(double probability);
  void check() const;

  static constexpr bool moves_numbers() { return true; }
  void apply(MovedPicture& picture, SampleRng& rng) const;
  bool operator==(const RandomHorizontalFlip&) const = default;
};

/// torchvision.transforms.v2.RandomVerticalFlip: upside down with probability p.
struct RandomVerticalFlip : KeepsShape {
  double p = 0.5;

  static constexpr std::string_view kName = "RandomVerticalFlip";
  static constexpr std::string_view kAbout = "upside down";
  static constexpr auto fields() { return list(probability(&RandomVerticalFlip::p)); }

  RandomVerticalFlip() = default;
  explicit RandomVerticalFlip(double probability);
  void check() const;

  static constexpr bool moves_numbers() { return true; }
  void apply(MovedPicture& picture, SampleRng& rng) const;
  bool operator==(const RandomVerticalFlip&) const = default;
};

}  // namespace millrace::transforms
