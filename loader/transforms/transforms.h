#pragma once

#include <c10/core/ScalarType.h>

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "millrace/loader/image/image.h"
#include "millrace/loader/sample.h"
#include "millrace/loader/sample_rng.h"

/// What may be done to a picture between file and batch: torchvision's transforms by their names and defaults, as
/// values.
///
///   RandomResizedCrop(224) | RandomHorizontalFlip() | Normalize::imagenet()
///
/// is a Chain. Values copy, compare and travel to other processes (their `serialize` members; the default constructors
/// exist for the receiving side). Constructors throw std::invalid_argument for parameters without a meaning.
namespace millrace::transforms {

/// torchvision.transforms.v2.Resize with antialias=True, bilinear: to an exact size, or so that the shorter side
/// becomes `size` and the aspect ratio stays.
struct Resize {
  image::Size size;
  bool shorter_side = false;  ///< Only size.height counts, for the shorter side.

  Resize() = default;
  explicit Resize(int shorter);
  explicit Resize(image::Size exact);

  image::Size output_size(image::Size input) const;
  bool operator==(const Resize&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size.height, size.width, shorter_side);
  }
};

/// torchvision.transforms.v2.CenterCrop: the middle of the picture; where the picture is smaller, black borders.
struct CenterCrop {
  image::Size size;

  CenterCrop() = default;
  explicit CenterCrop(int square);
  explicit CenterCrop(image::Size exact);

  bool operator==(const CenterCrop&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size.height, size.width);
  }
};

/// torchvision.transforms.v2.RandomResizedCrop with antialias=True, bilinear: a crop of random area and aspect ratio,
/// resized to `size`.
struct RandomResizedCrop {
  image::Size size;
  std::pair<double, double> scale = {0.08, 1.0};             ///< Of the crop's area, as parts of the picture's.
  std::pair<double, double> ratio = {3.0 / 4.0, 4.0 / 3.0};  ///< Width by height of the crop.

  RandomResizedCrop() = default;
  explicit RandomResizedCrop(int square, std::pair<double, double> scale_range = {0.08, 1.0},
                             std::pair<double, double> ratio_range = {3.0 / 4.0, 4.0 / 3.0});
  explicit RandomResizedCrop(image::Size exact, std::pair<double, double> scale_range = {0.08, 1.0},
                             std::pair<double, double> ratio_range = {3.0 / 4.0, 4.0 / 3.0});

  /// Draws the crop as torchvision's get_params: ten tries of uniform area, log-uniform ratio and uniform position,
  /// then the largest centred crop whose ratio is allowed.
  image::Box draw(image::Size input, SampleRng& rng) const;
  bool operator==(const RandomResizedCrop&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size.height, size.width, scale.first, scale.second, ratio.first, ratio.second);
  }
};

/// torchvision.transforms.v2.RandomHorizontalFlip: left becomes right with probability p.
struct RandomHorizontalFlip {
  double p = 0.5;

  RandomHorizontalFlip() = default;
  explicit RandomHorizontalFlip(double probability);

  bool operator==(const RandomHorizontalFlip&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(p);
  }
};

/// torchvision.transforms.v2.ToDtype(torch.float32, scale=True) followed by Normalize: float32 (x / 255 - mean) / std,
/// per channel; one mean and std for all channels, or one for each. The last step of a chain, since the others are for
/// pixels.
struct Normalize {
  std::vector<float> mean;
  std::vector<float> std;

  Normalize() = default;
  Normalize(std::vector<float> means, std::vector<float> stds);

  /// The means and deviations of ImageNet's training pictures that torchvision's models were trained with.
  static Normalize imagenet();

  bool operator==(const Normalize&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(mean, std);
  }
};

using Step = std::variant<Resize, CenterCrop, RandomResizedCrop, RandomHorizontalFlip, Normalize>;

/// Steps in the order in which they are applied. A value; renderer.h applies it.
class Chain {
 public:
  Chain() = default;
  template <class T>
  requires std::constructible_from<Step, T> Chain(T step)
      : steps_{Step(std::move(step))} {}  // Implicit: one step is a chain.

  const std::vector<Step>& steps() const { return steps_; }

  /// kByte, or kFloat after Normalize.
  c10::ScalarType dtype() const;

  /// The size of what comes out when a picture of size `input` goes in. No size depends on chance.
  image::Size output_size(image::Size input) const;

  /// The size of what comes out, if it is the same for all pictures.
  std::optional<image::Size> fixed_size() const;

  /// The field {channels, height, width} for pictures that come out with `size`. Throws std::invalid_argument when a
  /// Normalize does not fit the number of channels.
  FieldSpec field(std::string name, ImageMode mode, image::Size size) const;

  bool operator==(const Chain&) const = default;

  /// Throws std::invalid_argument when something follows a Normalize.
  friend Chain operator|(Chain first, const Chain& second);

  template <class Archive>
  void serialize(Archive& archive) {
    archive(steps_);
  }

 private:
  std::vector<Step> steps_;
};

Chain operator|(Chain first, const Chain& second);

/// "RandomResizedCrop(224x224) | RandomHorizontalFlip(0.5)", for messages.
std::string to_string(const Chain& chain);

}  // namespace millrace::transforms
