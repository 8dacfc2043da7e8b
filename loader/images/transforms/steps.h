#pragma once

#include <c10/core/ScalarType.h>

#include <array>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/normalize.h"
#include "millrace/loader/sample_rng.h"

/// The steps that most chains are made of; transforms.h has all.
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

/// torchvision.transforms.v2.RandomVerticalFlip: upside down with probability p.
struct RandomVerticalFlip {
  double p = 0.5;

  RandomVerticalFlip() = default;
  explicit RandomVerticalFlip(double probability);

  bool operator==(const RandomVerticalFlip&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(p);
  }
};

using image::PadMode;

/// torchvision.transforms.v2.Pad: borders at the sides. `fill` is one value for all channels or one for each. Mirrored
/// borders wider than the picture are an error of that sample.
struct Pad {
  image::Borders borders;
  std::vector<uint8_t> fill = {0};
  PadMode mode = PadMode::kConstant;

  Pad() = default;
  explicit Pad(int all, std::vector<uint8_t> values = {0}, PadMode padding_mode = PadMode::kConstant);
  explicit Pad(image::Borders sides, std::vector<uint8_t> values = {0}, PadMode padding_mode = PadMode::kConstant);

  bool operator==(const Pad&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(borders.left, borders.top, borders.right, borders.bottom, fill, mode);
  }
};

/// torchvision.transforms.v2.RandomCrop: a part of exactly `size` from a random position, after `padding`. A picture
/// that is still smaller is an error of that sample, or with pad_if_needed gets what it lacks at both sides.
struct RandomCrop {
  image::Size size;
  Pad padding;
  bool pad_if_needed = false;

  RandomCrop() = default;
  explicit RandomCrop(int square, Pad before = Pad(0), bool pad_small_pictures = false);
  explicit RandomCrop(image::Size exact, Pad before = Pad(0), bool pad_small_pictures = false);

  /// The borders that a picture of size `input` gets. Throws std::runtime_error when it is too small.
  image::Borders borders(image::Size input) const;
  /// Draws the crop out of a picture of size `padded`, at least `size`: a uniform row, then a uniform column, of those
  /// that leave a choice.
  image::Box draw(image::Size padded, SampleRng& rng) const;
  bool operator==(const RandomCrop&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size.height, size.width, padding, pad_if_needed);
  }
};

/// torchvision.transforms.v2.ColorJitter: brightness, contrast, saturation and hue changed by uniformly drawn factors,
/// in random order.
struct ColorJitter {
  using Range = std::pair<double, double>;
  Range brightness = {1, 1};  ///< Of factors; {1, 1} leaves it alone, as it does for the next two.
  Range contrast = {1, 1};
  Range saturation = {1, 1};
  Range hue = {0, 0};  ///< Of turns, within -0.5..0.5; {0, 0} leaves it alone.

  ColorJitter() = default;
  /// Factors from max(0, 1 - x) to 1 + x; turns from -x to x.
  explicit ColorJitter(double brightness_change, double contrast_change = 0, double saturation_change = 0,
                       double hue_change = 0);
  /// Two ranges at least, {1, 1} for none: with one alone, braces would be ambiguous.
  ColorJitter(Range brightness_factors, Range contrast_factors, Range saturation_factors = {1, 1},
              Range hue_turns = {0, 0});

  enum class Change : uint8_t { kBrightness, kContrast, kSaturation, kHue };
  struct Drawn {
    std::array<Change, 4> order;
    std::array<std::optional<double>, 4> amounts;  ///< By Change; nullopt leaves it alone.
  };
  /// Draws the order, then the amounts in the order of their names.
  Drawn draw(SampleRng& rng) const;
  bool operator==(const ColorJitter&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    for (Range* range : {&brightness, &contrast, &saturation, &hue}) archive(range->first, range->second);
  }
};

/// torchvision.transforms.v2.Grayscale: 0.2989 red + 0.587 green + 0.114 blue, rounded down, in one channel or
/// repeated in three. (A loader that wants one channel of all pictures is better served by ImageMode::kGray, which
/// decodes no colours.)
struct Grayscale {
  int num_output_channels = 1;

  Grayscale() = default;
  explicit Grayscale(int channels);

  bool operator==(const Grayscale&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(num_output_channels);
  }
};

/// torchvision.transforms.v2.RandomGrayscale: gray with probability p, with as many channels as before.
struct RandomGrayscale {
  double p = 0.1;

  RandomGrayscale() = default;
  explicit RandomGrayscale(double probability);

  bool operator==(const RandomGrayscale&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(p);
  }
};

/// torchvision.transforms.v2.GaussianBlur: a Gaussian of uniformly drawn sigma, in pixels, cut to a kernel of odd
/// height and width. A picture not larger than half the kernel is an error of that sample.
struct GaussianBlur {
  image::Size kernel_size = {1, 1};
  std::pair<double, double> sigma = {0.1, 2.0};

  GaussianBlur() = default;
  explicit GaussianBlur(int square, std::pair<double, double> sigma_range = {0.1, 2.0});
  explicit GaussianBlur(image::Size exact, std::pair<double, double> sigma_range = {0.1, 2.0});

  bool operator==(const GaussianBlur&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(kernel_size.height, kernel_size.width, sigma.first, sigma.second);
  }
};

/// torchvision.transforms.v2.RandomErasing with a number or numbers as value: with probability p, a box of random area
/// and aspect ratio is painted over. It works on pixels, so it stands before Normalize and `value` is 0..255, one for
/// all channels or one for each; ImageNet's mean, which Normalize makes 0, is {124, 116, 104}.
struct RandomErasing {
  double p = 0.5;
  std::pair<double, double> scale = {0.02, 0.33};  ///< Of the box's area, as parts of the picture's.
  std::pair<double, double> ratio = {0.3, 3.3};    ///< Height by width of the box.
  std::vector<uint8_t> value = {0};

  RandomErasing() = default;
  explicit RandomErasing(double probability, std::pair<double, double> scale_range = {0.02, 0.33},
                         std::pair<double, double> ratio_range = {0.3, 3.3}, std::vector<uint8_t> values = {0});

  /// Draws whether and where as torchvision's make_params: ten tries of uniform area and log-uniform ratio for a box
  /// smaller than the picture both ways, then nothing is erased.
  std::optional<image::Box> draw(image::Size input, SampleRng& rng) const;
  bool operator==(const RandomErasing&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(p, scale.first, scale.second, ratio.first, ratio.second, value);
  }
};

/// torchvision.transforms.v2.ToDtype(torch.float32, scale): float32 x / 255 with scale, else x. The last step of a
/// chain but for a Lambda; Normalize includes it.
struct ToDtype {
  bool scale = false;

  ToDtype() = default;
  explicit ToDtype(c10::ScalarType dtype, bool scale_to_one = false);

  bool operator==(const ToDtype&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(scale);
  }
};

}  // namespace millrace::transforms
