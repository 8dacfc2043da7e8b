#include "millrace/loader/images/transforms/augment.h"

#include <array>
#include <cmath>
#include <numbers>
#include <span>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/color.h"
#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/pixels.h"

namespace millrace::transforms {
namespace {

/// torch.linspace(start, end, steps)[i] in float32, counted from the nearer end. Product and sum are rounded once, as
/// torch's fused multiply-add does; it decides whether 16 pixels are 15.999999, which are 15 whole ones.
double linspace(double start, double end, int steps, int i) {
  const auto first = static_cast<float>(start);
  const auto last = static_cast<float>(end);
  const double step = (last - first) / static_cast<float>(steps - 1);
  return static_cast<float>(i < steps / 2 ? first + step * i : last - step * (steps - 1 - i));
}

/// 8 bits for bin 0, `fewer` less for the last.
double posterize_bits(double fewer, int bins, int bin) {
  const auto bins_a_bit = static_cast<float>((bins - 1) / fewer);
  return std::nearbyint(8 - static_cast<float>(bin) / bins_a_bit);
}

/// How strong the last bin is.
struct Strongest {
  double shear;
  double translate_x;
  double translate_y;
  double rotate;
  double factor;
  double bits;
};

double magnitude_of(AugmentKind kind, const Strongest& strongest, int bins, int bin) {
  const auto up_to = [&](double most) { return linspace(0, most, bins, bin); };
  switch (kind) {
    case AugmentKind::kShearX:
    case AugmentKind::kShearY:
      return up_to(strongest.shear);
    case AugmentKind::kTranslateX:
      return up_to(strongest.translate_x);
    case AugmentKind::kTranslateY:
      return up_to(strongest.translate_y);
    case AugmentKind::kRotate:
      return up_to(strongest.rotate);
    case AugmentKind::kBrightness:
    case AugmentKind::kColor:
    case AugmentKind::kContrast:
    case AugmentKind::kSharpness:
      return up_to(strongest.factor);
    case AugmentKind::kPosterize:
      return posterize_bits(strongest.bits, bins, bin);
    case AugmentKind::kSolarize:
      return linspace(1, 0, bins, bin);
    case AugmentKind::kIdentity:
    case AugmentKind::kAutoContrast:
    case AugmentKind::kEqualize:
      return 0;
  }
  return 0;
}

/// Half of the augmentations with a direction go the other way.
Augmentation with_random_sign(Augmentation augmentation, SampleRng& rng) {
  const bool is_signed = augmentation.kind >= AugmentKind::kShearX && augmentation.kind <= AugmentKind::kSharpness;
  if (is_signed && rng.chance(0.5)) augmentation.magnitude = -augmentation.magnitude;
  return augmentation;
}

AugmentKind draw_kind(SampleRng& rng) { return static_cast<AugmentKind>(rng.integer(0, kAugmentKinds - 1)); }

void check_bins(std::string_view who, int bins) {
  if (bins < 2) {
    throw std::invalid_argument(std::string(who) + ": num_magnitude_bins must be at least 2, got " +
                                std::to_string(bins));
  }
}

void check_fill(std::string_view who, const std::vector<uint8_t>& fill) {
  if (!fill.empty()) check_values(who, "fill", fill);
}

void augment(Pixels& picture, const Augmentation& drawn, image::Interpolation interpolation,
             std::span<const uint8_t> fill) {
  switch (drawn.kind) {
    case AugmentKind::kIdentity:
      return;
    case AugmentKind::kShearX:
    case AugmentKind::kShearY:
    case AugmentKind::kTranslateX:
    case AugmentKind::kTranslateY:
    case AugmentKind::kRotate:
      return picture.transform_affine(drawn.affine(), interpolation, fill);
    case AugmentKind::kBrightness:
      return image::adjust_brightness(picture.planes(), 1 + drawn.magnitude);
    case AugmentKind::kColor:
      return image::adjust_saturation(picture.planes(), 1 + drawn.magnitude);
    case AugmentKind::kContrast:
      return image::adjust_contrast(picture.planes(), 1 + drawn.magnitude);
    case AugmentKind::kSharpness:
      return image::adjust_sharpness(picture.planes(), 1 + drawn.magnitude, picture.scratch().sharpness);
    case AugmentKind::kPosterize:
      return image::posterize(picture.planes(), static_cast<int>(drawn.magnitude));
    case AugmentKind::kSolarize:
      return image::solarize(picture.planes(), 255 * drawn.magnitude);
    case AugmentKind::kAutoContrast:
      return image::autocontrast(picture.planes());
    case AugmentKind::kEqualize:
      return image::equalize(picture.planes());
  }
}

}  // namespace

image::Affine Augmentation::affine() const {
  // Shears keep the upper left corner, where RandAugment's authors had them keep it.
  constexpr std::array<double, 2> kCorner = {0, 0};
  const double slope_degrees = std::atan(magnitude) * 180 / std::numbers::pi;
  const double whole_pixels = std::trunc(magnitude);
  switch (kind) {
    case AugmentKind::kShearX:
      return {.shear = {slope_degrees, 0}, .center = kCorner};
    case AugmentKind::kShearY:
      return {.shear = {0, slope_degrees}, .center = kCorner};
    case AugmentKind::kTranslateX:
      return {.translate = {whole_pixels, 0}};
    case AugmentKind::kTranslateY:
      return {.translate = {0, whole_pixels}};
    case AugmentKind::kRotate:
      return {.angle = -magnitude};
    default:
      return {};
  }
}

RandAugment::RandAugment(int operations, int bin, int bins, image::Interpolation mode, std::vector<uint8_t> values)
    : num_ops(operations), magnitude(bin), num_magnitude_bins(bins), interpolation(mode), fill(std::move(values)) {
  check();
}

void RandAugment::check() const {
  if (num_ops < 0)
    throw std::invalid_argument("RandAugment: num_ops must be at least 0, got " + std::to_string(num_ops));
  check_bins(kName, num_magnitude_bins);
  if (magnitude < 0 || magnitude >= num_magnitude_bins) {
    throw std::invalid_argument("RandAugment: magnitude must be 0.." + std::to_string(num_magnitude_bins - 1) +
                                ", one of num_magnitude_bins; got " + std::to_string(magnitude));
  }
  check_fill(kName, fill);
}

Augmentation RandAugment::augmentation(AugmentKind kind, image::Size picture) const {
  const Strongest strongest = {.shear = 0.3,
                               .translate_x = 150.0 / 331.0 * picture.width,
                               .translate_y = 150.0 / 331.0 * picture.height,
                               .rotate = 30,
                               .factor = 0.9,
                               .bits = 4};
  return {kind, magnitude_of(kind, strongest, num_magnitude_bins, magnitude)};
}

Augmentation RandAugment::draw(image::Size picture, SampleRng& rng) const {
  return with_random_sign(augmentation(draw_kind(rng), picture), rng);
}

void RandAugment::apply(Pixels& picture, SampleRng& rng) const {
  for (int i = 0; i < num_ops; ++i) augment(picture, draw(picture.size(), rng), interpolation, fill);
}

TrivialAugmentWide::TrivialAugmentWide(int bins, image::Interpolation mode, std::vector<uint8_t> values)
    : num_magnitude_bins(bins), interpolation(mode), fill(std::move(values)) {
  check();
}

void TrivialAugmentWide::check() const {
  check_bins(kName, num_magnitude_bins);
  check_fill(kName, fill);
}

Augmentation TrivialAugmentWide::augmentation(AugmentKind kind, int bin) const {
  const Strongest strongest = {
      .shear = 0.99, .translate_x = 32, .translate_y = 32, .rotate = 135, .factor = 0.99, .bits = 6};
  return {kind, magnitude_of(kind, strongest, num_magnitude_bins, bin)};
}

Augmentation TrivialAugmentWide::draw(SampleRng& rng) const {
  const AugmentKind kind = draw_kind(rng);
  const auto bin = static_cast<int>(rng.integer(0, num_magnitude_bins - 1));
  return with_random_sign(augmentation(kind, bin), rng);
}

void TrivialAugmentWide::apply(Pixels& picture, SampleRng& rng) const {
  augment(picture, draw(rng), interpolation, fill);
}

}  // namespace millrace::transforms
