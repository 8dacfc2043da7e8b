#pragma once

#include <c10/core/ScalarType.h>

#include <concepts>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/step.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/loader/sample_row.h"

namespace millrace::transforms {

/// Steps in the order in which they are applied. A value; renderer.h applies it.
class Chain {
 public:
  Chain() = default;
  template <class T>
    requires std::constructible_from<Step, T>
  Chain(T step) : steps_{Step(std::move(step))} {}  // Implicit: one step is a chain.

  const std::vector<Step>& steps() const { return steps_; }

  /// The steps that work on pixels, and those behind them: the one that makes floats, and what works on these.
  std::span<const Step> pixel_steps() const;
  std::span<const Step> float_steps() const;

  /// The type of what comes out: kByte, or kFloat after Normalize or ToDtype.
  c10::ScalarType dtype() const;

  /// The size of what comes out when a picture of size `input` goes in. No size depends on chance.
  image::Size output_size(image::Size input) const;

  /// The size of what comes out, if it is the same for all pictures.
  std::optional<image::Size> fixed_size() const;

  /// Whether size, channels and type of what comes out are those of what goes in, whatever that is.
  bool keeps_shape() const;

  /// Channels of what comes out of pictures decoded to `mode`: the mode's, unless Grayscale or a Lambda changes them.
  int output_channels(ImageMode mode) const;

  /// Checks the chain against pictures with that many channels, and gives the number of channels behind it. Throws
  /// std::invalid_argument when what a step holds for each channel does not fit.
  int check_channels(int channels) const;

  /// The field {channels, height, width} for pictures that are decoded with `options` and come out with `size`. Throws
  /// std::invalid_argument when a Normalize, fill or value does not fit the number of channels, and for deep pictures
  /// (PixelType) with colours or a step that does more than move pixels.
  FieldSpec field(std::string name, const PictureOptions& options, image::Size size) const;

  /// Takes a picture and its targets through the steps, none of which makes floats.
  void apply(Pixels& picture, SampleRng& rng) const;

  bool operator==(const Chain& other) const = default;

  /// The steps of `first`, then those of `second`. Throws std::invalid_argument when something but a Lambda that keeps
  /// the shape follows a Normalize or ToDtype.
  friend Chain operator|(Chain first, const Chain& second);

  template <class Archive>
  void serialize(Archive& archive) {
    archive(steps_);
  }

 private:
  std::vector<Step> steps_;
};

Chain operator|(Chain first, const Chain& second);

/// Throws std::invalid_argument, in the name of `who`, for a chain that does not keep the shape.
void require_kept_shape(std::string_view who, const Chain& chain);

/// The chain in messages: "RandomResizedCrop(224x224) | RandomHorizontalFlip(0.5)".
std::string to_string(const Chain& chain);

}  // namespace millrace::transforms
