#pragma once

#include <c10/core/ScalarType.h>

#include <vector>

namespace millrace::transforms {

/// torchvision.transforms.v2.ToDtype(dtype, scale=True) followed by Normalize: (x / 255 - mean) / std, per channel; one
/// mean and std for all channels, or one for each. The last step of a chain but for a Lambda, since the others are for
/// pixels.
struct Normalize {
  std::vector<float> mean;
  std::vector<float> std;
  c10::ScalarType dtype =
      c10::ScalarType::Float;  ///< float32; finish() and Batch::to() also make float16 and bfloat16.

  Normalize() = default;
  Normalize(std::vector<float> means, std::vector<float> stds, c10::ScalarType type = c10::ScalarType::Float);

  /// The means and deviations of ImageNet's training pictures that torchvision's models were trained with.
  static Normalize imagenet(c10::ScalarType type = c10::ScalarType::Float);

  bool operator==(const Normalize&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(mean, std, dtype);
  }
};

}  // namespace millrace::transforms
