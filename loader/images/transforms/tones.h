#pragma once

namespace millrace::transforms {

/// torchvision.transforms.v2.RandomInvert: the negative, with probability p.
struct RandomInvert {
  double p = 0.5;

  RandomInvert() = default;
  explicit RandomInvert(double probability);

  bool operator==(const RandomInvert&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(p);
  }
};

/// torchvision.transforms.v2.RandomPosterize: the upper `bits` of each value, 0..8, with probability p.
struct RandomPosterize {
  int bits = 8;
  double p = 0.5;

  RandomPosterize() = default;
  explicit RandomPosterize(int kept_bits, double probability = 0.5);

  bool operator==(const RandomPosterize&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(bits, p);
  }
};

/// torchvision.transforms.v2.RandomSolarize: values from `threshold` (0..255) on are inverted, with probability p.
struct RandomSolarize {
  double threshold = 255;
  double p = 0.5;

  RandomSolarize() = default;
  explicit RandomSolarize(double least, double probability = 0.5);

  bool operator==(const RandomSolarize&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(threshold, p);
  }
};

/// torchvision.transforms.v2.RandomAdjustSharpness: smoother (0), as it is (1), sharper (2, ...), with probability p.
struct RandomAdjustSharpness {
  double sharpness_factor = 1;
  double p = 0.5;

  RandomAdjustSharpness() = default;
  explicit RandomAdjustSharpness(double factor, double probability = 0.5);

  bool operator==(const RandomAdjustSharpness&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(sharpness_factor, p);
  }
};

/// torchvision.transforms.v2.RandomAutocontrast: each channel's values stretched over 0..255, with probability p.
struct RandomAutocontrast {
  double p = 0.5;

  RandomAutocontrast() = default;
  explicit RandomAutocontrast(double probability);

  bool operator==(const RandomAutocontrast&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(p);
  }
};

/// torchvision.transforms.v2.RandomEqualize: each channel's histogram flattened, with probability p.
struct RandomEqualize {
  double p = 0.5;

  RandomEqualize() = default;
  explicit RandomEqualize(double probability);

  bool operator==(const RandomEqualize&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(p);
  }
};

}  // namespace millrace::transforms
