#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/color.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/resample.h"
#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/renderer.h"
#include "millrace/loader/images/transforms/table.h"
#include "millrace/tests/loader/images/pictures.h"

/// What the tests of transforms share: a chain applied to a file, the same chain applied step by step to all pixels,
/// and what torchvision makes of pictures.
namespace millrace::test {

inline image::Planes view(Planes& planes) { return {planes.values.data(), planes.size, planes.channels}; }

inline Planes render(transforms::Renderer& renderer, const transforms::Chain& chain, const std::string& path,
                     ImageMode mode, uint64_t seed) {
  const Bytes file = read_bytes(path);
  SampleRng rng(seed);
  Planes out = blank(chain.output_size(image::ImageDecoder().open(file, mode)), chain.output_channels(mode));
  renderer.render(chain, file, mode, rng, out.size, std::as_writable_bytes(std::span(out.values)));
  return out;
}

inline Planes render(const transforms::Chain& chain, const std::string& path, ImageMode mode = ImageMode::kRGB,
                     uint64_t seed = 1) {
  transforms::Renderer renderer;
  return render(renderer, chain, path, mode, seed);
}

/// A resize by the resampler alone.
inline Planes resize(const Planes& in, image::Size size, image::ResizeFilter filter = image::ResizeFilter::kBilinear) {
  if (in.size == size) return in;
  image::Image picture;
  picture.reset(in.size);
  for (int y = 0; y < in.size.height; ++y)
    for (int x = 0; x < in.size.width; ++x)
      for (int c = 0; c < in.channels; ++c) picture.row(y)[x * image::kPixelBytes + c] = in.at(c, y, x);
  image::Resampler resampler;
  resampler.start({.input = in.size, .output = size, .window = image::whole(size), .filter = filter});
  resampler.feed(picture.strip(resampler.needed()));
  Planes out = blank(size, in.channels);
  resampler.finish(in.channels, out.values);
  return out;
}

inline Planes flip_vertical(Planes picture) {
  image::flip_vertical(view(picture));
  return picture;
}

inline Planes pad(Planes picture, const transforms::Pad& step) {
  const auto& [left, top, right, bottom] = step.borders;
  Planes out = blank({picture.size.height + top + bottom, picture.size.width + left + right}, picture.channels);
  image::pad(view(picture), step.borders, step.mode, step.fill, out.values.data());
  return out;
}

inline Planes center_crop(const Planes& picture, image::Size size) {
  const auto half_to_even = [](int value) { return static_cast<int>(std::nearbyint(value / 2.0)); };
  const image::Size padded = {std::max(size.height, picture.size.height), std::max(size.width, picture.size.width)};
  const int top = (padded.height - picture.size.height) / 2;
  const int left = (padded.width - picture.size.width) / 2;
  const image::Borders borders = {left, top, padded.width - picture.size.width - left,
                                  padded.height - picture.size.height - top};
  return crop(
      pad(picture, transforms::Pad(borders)),
      {half_to_even(padded.height - size.height), half_to_even(padded.width - size.width), size.height, size.width});
}

inline Planes gray(Planes picture, int channels) {
  if (picture.channels == 3) image::gray_into_first(view(picture));
  Planes out = blank(picture.size, channels);
  for (int c = 0; c < channels; ++c)
    for (int y = 0; y < out.size.height; ++y)
      for (int x = 0; x < out.size.width; ++x) out.at(c, y, x) = picture.at(0, y, x);
  return out;
}

inline Planes jitter(Planes picture, const transforms::ColorJitter::Drawn& drawn) {
  using Change = transforms::ColorJitter::Change;
  for (const auto change : drawn.order) {
    const auto amount = drawn.amounts[static_cast<size_t>(change)];
    if (!amount) continue;
    if (change == Change::kBrightness) image::adjust_brightness(view(picture), *amount);
    if (change == Change::kContrast) image::adjust_contrast(view(picture), *amount);
    if (change == Change::kSaturation) image::adjust_saturation(view(picture), *amount);
    if (change == Change::kHue) image::adjust_hue(view(picture), *amount);
  }
  return picture;
}

inline Planes blur(Planes picture, image::Size kernel, double sigma) {
  std::vector<float> scratch;
  image::gaussian_blur(view(picture), kernel, sigma, scratch);
  return picture;
}

inline Planes erase(Planes picture, const image::Box& box, const std::vector<uint8_t>& value) {
  image::fill_box(view(picture), box, value);
  return picture;
}

inline Planes sharpen(Planes picture, double factor) {
  std::vector<uint8_t> scratch;
  image::adjust_sharpness(view(picture), factor, scratch);
  return picture;
}

inline Planes transform_affine(Planes picture, const image::Affine& affine, image::Interpolation interpolation,
                               const std::vector<uint8_t>& fill) {
  Planes out = blank(picture.size, picture.channels);
  image::transform_affine(view(picture), affine, interpolation, fill, out.values.data());
  return out;
}

inline Planes augment(Planes picture, const transforms::Augmentation& drawn, image::Interpolation interpolation,
                      const std::vector<uint8_t>& fill) {
  using Kind = transforms::AugmentKind;
  const double m = drawn.magnitude;
  if (drawn.kind >= Kind::kShearX && drawn.kind <= Kind::kRotate)
    return transform_affine(picture, drawn.affine(), interpolation, fill);
  if (drawn.kind == Kind::kBrightness) image::adjust_brightness(view(picture), 1 + m);
  if (drawn.kind == Kind::kColor) image::adjust_saturation(view(picture), 1 + m);
  if (drawn.kind == Kind::kContrast) image::adjust_contrast(view(picture), 1 + m);
  if (drawn.kind == Kind::kSharpness) return sharpen(picture, 1 + m);
  if (drawn.kind == Kind::kPosterize) image::posterize(view(picture), static_cast<int>(m));
  if (drawn.kind == Kind::kSolarize) image::solarize(view(picture), 255 * m);
  if (drawn.kind == Kind::kAutoContrast) image::autocontrast(view(picture));
  if (drawn.kind == Kind::kEqualize) image::equalize(view(picture));
  return picture;
}

/// Each step by itself on the whole picture.
struct OneByOne {
  Planes now;
  SampleRng rng;

  void apply(const transforms::Chain& chain) {
    for (const transforms::Step& step : chain.steps()) apply(step, transforms::NamedTransforms());
  }

  template <class... Transforms>
  void apply(const transforms::Step& step, transforms::TypeList<Transforms...>) {
    const auto try_as = [&](const auto* known) {
      if (known) (*this)(*known);
      return known != nullptr;
    };
    if (!(try_as(step.as<Transforms>()) || ...)) ADD_FAILURE() << step->name() << " has no slow version";
  }

  void operator()(const transforms::Resize& step) { now = resize(now, step.output_size(now.size), step.interpolation); }
  void operator()(const transforms::CenterCrop& step) { now = center_crop(now, step.size); }
  void operator()(const transforms::RandomResizedCrop& step) {
    now = resize(crop(now, step.draw(now.size, rng)), step.size, step.interpolation);
  }
  void operator()(const transforms::RandomHorizontalFlip& step) {
    if (rng.chance(step.p)) now = mirror(now);
  }
  void operator()(const transforms::RandomVerticalFlip& step) {
    if (rng.chance(step.p)) now = flip_vertical(now);
  }
  void operator()(const transforms::Pad& step) { now = pad(now, step); }
  void operator()(const transforms::RandomCrop& step) {
    now = pad(now, transforms::Pad(step.borders(now.size), step.padding.fill, step.padding.mode));
    now = crop(now, step.draw(now.size, rng));
  }
  void operator()(const transforms::RandomRotation& step) {
    now = transform_affine(now, step.draw(rng), step.interpolation, step.fill);
  }
  void operator()(const transforms::RandomAffine& step) {
    now = transform_affine(now, step.draw(now.size, rng), step.interpolation, step.fill);
  }
  void operator()(const transforms::ColorJitter& step) { now = jitter(now, step.draw(rng)); }
  void operator()(const transforms::Grayscale& step) { now = gray(now, step.num_output_channels); }
  void operator()(const transforms::RandomGrayscale& step) {
    if (rng.chance(step.p)) now = gray(now, now.channels);
  }
  void operator()(const transforms::GaussianBlur& step) {
    now = blur(now, step.kernel_size, rng.uniform(step.sigma.first, step.sigma.second));
  }
  void operator()(const transforms::RandomErasing& step) {
    if (const auto box = step.draw(now.size, rng)) now = erase(now, *box, step.value);
  }
  void operator()(const transforms::RandomInvert& step) {
    if (rng.chance(step.p)) image::invert(view(now));
  }
  void operator()(const transforms::RandomPosterize& step) {
    if (rng.chance(step.p)) image::posterize(view(now), step.bits);
  }
  void operator()(const transforms::RandomSolarize& step) {
    if (rng.chance(step.p)) image::solarize(view(now), step.threshold);
  }
  void operator()(const transforms::RandomAdjustSharpness& step) {
    if (rng.chance(step.p)) now = sharpen(now, step.sharpness_factor);
  }
  void operator()(const transforms::RandomAutocontrast& step) {
    if (rng.chance(step.p)) image::autocontrast(view(now));
  }
  void operator()(const transforms::RandomEqualize& step) {
    if (rng.chance(step.p)) image::equalize(view(now));
  }
  void operator()(const transforms::RandAugment& step) {
    for (int i = 0; i < step.num_ops; ++i) now = augment(now, step.draw(now.size, rng), step.interpolation, step.fill);
  }
  void operator()(const transforms::TrivialAugmentWide& step) {
    now = augment(now, step.draw(rng), step.interpolation, step.fill);
  }
  void operator()(const transforms::RandomApply& step) {
    if (rng.chance(step.p)) apply(step.chain);
  }
  void operator()(const transforms::RandomChoice& step) { apply(step.chains[step.draw(rng)]); }
  void operator()(const transforms::NormalizeStep&) { ADD_FAILURE() << "planes hold no floats"; }
  void operator()(const transforms::ToDtype&) { ADD_FAILURE() << "planes hold no floats"; }
};

inline Planes step_by_step(const transforms::Chain& chain, Planes picture, uint64_t seed) {
  OneByOne steps{std::move(picture), SampleRng(seed)};
  steps.apply(chain);
  return steps.now;
}

/// What scripts/make_golden.py wrote: a file or one of torchvision's functions, numbers, and the result.
struct GoldenCase {
  std::string name;
  std::vector<double> numbers;
  std::vector<uint8_t> result;

  int integer(size_t i) const { return static_cast<int>(numbers[i]); }
};

/// The cases of tests/data/golden/NAME.txt.
inline std::vector<GoldenCase> golden_cases(const std::string& name) {
  const Bytes pixels = read_bytes(data_path("golden/" + name + ".bin"));
  std::vector<GoldenCase> cases;
  std::vector<size_t> offsets;
  std::ifstream lines(data_path("golden/" + name + ".txt"));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    GoldenCase& next = cases.emplace_back();
    words >> next.name;
    for (double number = 0; words >> number;) next.numbers.push_back(number);
    offsets.push_back(static_cast<size_t>(next.numbers.back()));
    next.numbers.pop_back();
  }
  EXPECT_FALSE(cases.empty()) << name;
  offsets.push_back(pixels.size());
  const auto* const values = reinterpret_cast<const uint8_t*>(pixels.data());
  for (size_t i = 0; i < cases.size(); ++i) cases[i].result.assign(values + offsets[i], values + offsets[i + 1]);
  return cases;
}

}  // namespace millrace::test
