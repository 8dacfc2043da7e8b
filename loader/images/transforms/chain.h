#pragma once

#include <c10/core/ScalarType.h>

#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/affine.h"
#include "millrace/loader/images/transforms/augment.h"
#include "millrace/loader/images/transforms/lambda.h"
#include "millrace/loader/images/transforms/steps.h"
#include "millrace/loader/images/transforms/tones.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/loader/sample_row.h"

/// Chains of steps, and the steps that are made of chains.
namespace millrace::transforms {

class Chain;

/// torchvision.transforms.v2.RandomApply: all steps of a chain with probability p, or none. The steps may not change
/// size, channels or type: what a batch holds does not depend on chance.
struct RandomApply {
  std::vector<Chain> chain;  ///< One.
  double p = 0.5;

  RandomApply() = default;
  RandomApply(Chain steps, double probability);

  bool operator==(const RandomApply&) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(chain, p);
  }
};

/// torchvision.transforms.v2.RandomChoice: one of several chains, whose steps may not change size, channels or type.
struct RandomChoice {
  std::vector<Chain> chains;
  std::vector<double> p;  ///< How likely each is, relative to the others; none for all the same.

  RandomChoice() = default;
  explicit RandomChoice(std::vector<Chain> alternatives, std::vector<double> weights = {});

  /// The number of the chain to apply.
  size_t draw(SampleRng& rng) const;
  bool operator==(const RandomChoice&) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(chains, p);
  }
};

using Step = std::variant<Resize, CenterCrop, RandomResizedCrop, RandomHorizontalFlip, Normalize, RandomVerticalFlip,
                          Pad, RandomCrop, ColorJitter, Grayscale, RandomGrayscale, GaussianBlur, RandomErasing,
                          ToDtype, RandomRotation, RandomAffine, RandomInvert, RandomPosterize, RandomSolarize,
                          RandomAdjustSharpness, RandomAutocontrast, RandomEqualize, RandAugment, TrivialAugmentWide,
                          RandomApply, RandomChoice, Lambda>;

/// Steps in the order in which they are applied. A value; renderer.h applies it.
class Chain {
 public:
  Chain() = default;
  template <class T>
  requires std::constructible_from<Step, T> Chain(T step)
      : steps_{Step(std::move(step))} {  // Implicit: one step is a chain.
    check_dtype();
  }

  const std::vector<Step>& steps() const { return steps_; }

  /// kByte, or kFloat after Normalize or ToDtype.
  c10::ScalarType dtype() const;

  /// The size of what comes out when a picture of size `input` goes in. No size depends on chance.
  image::Size output_size(image::Size input) const;

  /// The size of what comes out, if it is the same for all pictures.
  std::optional<image::Size> fixed_size() const;

  /// Whether size, channels and type of what comes out are those of what goes in, whatever that is.
  bool keeps_shape() const;

  /// Channels of what comes out of pictures decoded to `mode`: theirs, but for Grayscale and a Lambda that says so.
  int output_channels(ImageMode mode) const;

  /// The field {channels, height, width} for pictures that are decoded so and come out with `size`. Throws
  /// std::invalid_argument when a Normalize, fill or value does not fit the number of channels, and for deep pictures
  /// (PixelType) with colours or a step that does more than move pixels.
  FieldSpec field(std::string name, const PictureOptions& options, image::Size size) const;

  bool operator==(const Chain& other) const;

  /// Throws std::invalid_argument when something but a Lambda that keeps the shape follows a Normalize or ToDtype.
  friend Chain operator|(Chain first, const Chain& second);

  template <class Archive>
  void serialize(Archive& archive) {
    archive(steps_);
  }

 private:
  void check_dtype() const;

  std::vector<Step> steps_;
};

Chain operator|(Chain first, const Chain& second);

/// "RandomResizedCrop(224x224) | RandomHorizontalFlip(0.5)", for messages.
std::string to_string(const Chain& chain);

}  // namespace millrace::transforms
