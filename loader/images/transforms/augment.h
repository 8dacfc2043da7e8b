#pragma once

#include <cstdint>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/transform.h"
#include "millrace/loader/sample_rng.h"

/// Augmentation policies: operations drawn from torchvision's tables, with its magnitudes. The draws come from the
/// sample's stream, in torchvision's order, and not from torch's generator; so a sample gets another operation than it
/// would there, with the same odds.
namespace millrace::transforms {

/// The operations, in the order of torchvision's tables.
enum class AugmentKind : uint8_t {
  kIdentity,
  kShearX,
  kShearY,
  kTranslateX,
  kTranslateY,
  kRotate,
  kBrightness,
  kColor,
  kContrast,
  kSharpness,
  kPosterize,
  kSolarize,
  kAutoContrast,
  kEqualize,
};
constexpr int kAugmentKinds = 14;

/// The largest number of operations, and of bins, that YAML may give.
constexpr int kMostBins = 1000;

/// One operation with its strength, as torchvision's _apply_image_or_video_transform takes it. `magnitude` is a slope
/// for shears, pixels for translations, degrees for kRotate, what is added to a factor of 1 for kBrightness to
/// kSharpness, a number of bits for kPosterize, and the threshold as a part of 255 for kSolarize.
struct Augmentation {
  AugmentKind kind = AugmentKind::kIdentity;
  double magnitude = 0;

  /// The map of an operation that moves pixels. REQUIRES: kind is kShearX to kRotate.
  image::Affine affine() const;
  bool operator==(const Augmentation&) const = default;
};

/// torchvision.transforms.v2.RandAugment (Cubuk and others, https://arxiv.org/abs/1909.13719): num_ops operations one
/// after the other, of the same strength, which is bin `magnitude` of num_magnitude_bins.
struct RandAugment : KeepsShape {
  int num_ops = 2;
  int magnitude = 9;
  int num_magnitude_bins = 31;
  image::Interpolation interpolation = image::Interpolation::kNearest;
  std::vector<uint8_t> fill = {};  ///< Shown where no picture lies: black, one value for all channels or for each.

  static constexpr std::string_view kName = "RandAugment";
  static constexpr std::string_view kAbout = "operations of one strength, drawn from torchvision's table";
  static constexpr auto fields() {
    return list(field("num_ops", &RandAugment::num_ops).within(0, kMostBins).shown(),
                field("magnitude", &RandAugment::magnitude).within(0, kMostBins).shown(),
                field("num_magnitude_bins", &RandAugment::num_magnitude_bins).within(2, kMostBins),
                field("interpolation", &RandAugment::interpolation),
                channel_values("fill", &RandAugment::fill, "fill values"));
  }

  RandAugment() = default;
  explicit RandAugment(int operations, int bin = 9, int bins = 31,
                       image::Interpolation mode = image::Interpolation::kNearest, std::vector<uint8_t> values = {});
  void check() const;

  /// Draws one of the operations, for a picture of that size.
  Augmentation draw(image::Size picture, SampleRng& rng) const;
  /// The operation of strength `magnitude`, which has the positive sign where there are two.
  Augmentation augmentation(AugmentKind kind, image::Size picture) const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const RandAugment&) const = default;
};

/// torchvision.transforms.v2.TrivialAugmentWide (Mueller and Hutter, https://arxiv.org/abs/2103.10158): one operation
/// of any strength.
struct TrivialAugmentWide : KeepsShape {
  int num_magnitude_bins = 31;
  image::Interpolation interpolation = image::Interpolation::kNearest;
  std::vector<uint8_t> fill = {};  ///< Shown where no picture lies, as RandAugment's.

  static constexpr std::string_view kName = "TrivialAugmentWide";
  static constexpr std::string_view kAbout = "one operation of any strength, drawn from torchvision's table";
  static constexpr auto fields() {
    return list(field("num_magnitude_bins", &TrivialAugmentWide::num_magnitude_bins).within(2, kMostBins),
                field("interpolation", &TrivialAugmentWide::interpolation),
                channel_values("fill", &TrivialAugmentWide::fill, "fill values"));
  }

  TrivialAugmentWide() = default;
  explicit TrivialAugmentWide(int bins, image::Interpolation mode = image::Interpolation::kNearest,
                              std::vector<uint8_t> values = {});
  void check() const;

  Augmentation draw(SampleRng& rng) const;
  /// The operation of strength `bin`, which has the positive sign where there are two.
  Augmentation augmentation(AugmentKind kind, int bin) const;

  void apply(Pixels& picture, SampleRng& rng) const;
  bool operator==(const TrivialAugmentWide&) const = default;
};

}  // namespace millrace::transforms
