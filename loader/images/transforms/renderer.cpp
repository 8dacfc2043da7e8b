#include "millrace/loader/images/transforms/renderer.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

#include "millrace/loader/images/color.h"
#include "millrace/loader/images/kernels.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/tones.h"
#include "millrace/loader/images/transforms/moves.h"

namespace millrace::transforms {

using image::Planes;
using image::Size;

void require_size(Size come_out, Size held) {
  if (come_out == held) return;
  throw ImageSizeError("the picture comes out " + to_string(come_out) + " (height x width), the batch holds " +
                       to_string(held) + ": add a transform that fixes the size, such as Resize({" +
                       std::to_string(held.height) + ", " + std::to_string(held.width) + "}) or RandomResizedCrop");
}

void require_masks_of(Size picture, const Targets& targets) {
  if (targets.num_masks() == 0 || targets.mask_size() == picture) return;
  throw std::runtime_error("the masks are " + to_string(targets.mask_size()) +
                           " (height x width), the picture they belong to is " + to_string(picture));
}

/// Applies steps to a picture and its targets: a visitor of Step.
class Renderer::Steps : public Moves<Canvas> {
 public:
  Steps(Renderer& renderer, SampleRng& rng, Targets& targets)
      : Moves(renderer.canvas_, rng, targets),
        canvas_(renderer.canvas_),
        targets_(targets),
        rng_(rng),
        blur_scratch_(renderer.blur_scratch_),
        sharpness_scratch_(renderer.sharpness_scratch_) {}

  using Moves::operator();

  void operator()(const RandomRotation& step) { affine(step.draw(rng_), step.interpolation, step.fill); }

  void operator()(const RandomAffine& step) { affine(step.draw(canvas_.size(), rng_), step.interpolation, step.fill); }

  void operator()(const ColorJitter& step) {
    constexpr std::array kAdjust = {image::adjust_brightness, image::adjust_contrast, image::adjust_saturation,
                                    image::adjust_hue};
    const ColorJitter::Drawn drawn = step.draw(rng_);
    for (const ColorJitter::Change change : drawn.order) {
      const auto i = static_cast<size_t>(change);
      if (drawn.amounts[i]) kAdjust[i](canvas_.pixels(), *drawn.amounts[i]);
    }
  }

  void operator()(const Grayscale& step) { make_gray(step.num_output_channels); }

  void operator()(const RandomGrayscale& step) {
    if (rng_.chance(step.p)) make_gray(canvas_.channels());
  }

  void operator()(const GaussianBlur& step) {
    const double sigma = rng_.uniform(step.sigma.first, step.sigma.second);
    image::gaussian_blur(canvas_.pixels(), step.kernel_size, sigma, blur_scratch_);
  }

  void operator()(const RandomErasing& step) {
    if (const auto box = step.draw(canvas_.size(), rng_)) image::fill_box(canvas_.pixels(), *box, step.value);
  }

  void operator()(const RandomInvert& step) {
    if (rng_.chance(step.p)) image::invert(canvas_.pixels());
  }

  void operator()(const RandomPosterize& step) {
    if (rng_.chance(step.p)) image::posterize(canvas_.pixels(), step.bits);
  }

  void operator()(const RandomSolarize& step) {
    if (rng_.chance(step.p)) image::solarize(canvas_.pixels(), step.threshold);
  }

  void operator()(const RandomAdjustSharpness& step) {
    if (rng_.chance(step.p)) sharpen(step.sharpness_factor);
  }

  void operator()(const RandomAutocontrast& step) {
    if (rng_.chance(step.p)) image::autocontrast(canvas_.pixels());
  }

  void operator()(const RandomEqualize& step) {
    if (rng_.chance(step.p)) image::equalize(canvas_.pixels());
  }

  void operator()(const RandAugment& step) {
    for (int i = 0; i < step.num_ops; ++i) augment(step.draw(canvas_.size(), rng_), step.interpolation, step.fill);
  }

  void operator()(const TrivialAugmentWide& step) { augment(step.draw(rng_), step.interpolation, step.fill); }

  void operator()(const RandomApply& step) {
    if (rng_.chance(step.p)) apply(step.chain.front());
  }

  void operator()(const RandomChoice& step) { apply(step.chains[step.draw(rng_)]); }

  void operator()(const Lambda& step) {
    if (step.declared() && !targets_.empty()) {
      throw std::runtime_error(
          "a Lambda that changes the picture's shape cannot move its boxes and masks; put it into a dataset of its "
          "own");
    }
    const Planes planes = canvas_.pixels();
    const Lambda::Shape shape = {planes.channels, planes.size};
    const at::Tensor result = step.call(planes.values, c10::ScalarType::Byte, shape, rng_);
    if (result.data_ptr() == planes.values && !step.declared()) return;  // Changed in place.
    const auto [channels, size] = step.declared().value_or(shape);
    std::copy_n(result.const_data_ptr<uint8_t>(), result.numel(), canvas_.other(size, channels).values);
    canvas_.replace();
  }

  // What makes floats of pixels ends the part of a chain that this does.
  void operator()(const Normalize&) {}
  void operator()(const ToDtype&) {}

 private:
  void apply(const Chain& chain) {
    for (const Step& step : chain.steps()) std::visit(*this, step);
  }

  void affine(const image::Affine& affine, Interpolation interpolation, std::span<const uint8_t> fill) {
    const Planes out = canvas_.other(canvas_.size(), canvas_.channels());
    image::transform_affine(canvas_.pixels(), affine, interpolation, fill, out.values);
    targets_.transform_affine(canvas_.size(), affine);
    canvas_.replace();
  }

  void make_gray(int output_channels) {
    const Planes planes = canvas_.pixels();
    if (planes.channels == 3) image::gray_into_first(planes);
    const Planes out = canvas_.other(planes.size, output_channels);
    for (int channel = 0; channel < output_channels; ++channel)
      std::copy_n(planes.values, planes.plane_values(), out.row(channel, 0));
    canvas_.replace();
  }

  void sharpen(double factor) { image::adjust_sharpness(canvas_.pixels(), factor, sharpness_scratch_); }

  void augment(const Augmentation& drawn, Interpolation interpolation, std::span<const uint8_t> fill) {
    switch (drawn.kind) {
      case AugmentKind::kIdentity:
        return;
      case AugmentKind::kShearX:
      case AugmentKind::kShearY:
      case AugmentKind::kTranslateX:
      case AugmentKind::kTranslateY:
      case AugmentKind::kRotate:
        return affine(drawn.affine(), interpolation, fill);
      case AugmentKind::kBrightness:
        return image::adjust_brightness(canvas_.pixels(), 1 + drawn.magnitude);
      case AugmentKind::kColor:
        return image::adjust_saturation(canvas_.pixels(), 1 + drawn.magnitude);
      case AugmentKind::kContrast:
        return image::adjust_contrast(canvas_.pixels(), 1 + drawn.magnitude);
      case AugmentKind::kSharpness:
        return sharpen(1 + drawn.magnitude);
      case AugmentKind::kPosterize:
        return image::posterize(canvas_.pixels(), static_cast<int>(drawn.magnitude));
      case AugmentKind::kSolarize:
        return image::solarize(canvas_.pixels(), 255 * drawn.magnitude);
      case AugmentKind::kAutoContrast:
        return image::autocontrast(canvas_.pixels());
      case AugmentKind::kEqualize:
        return image::equalize(canvas_.pixels());
    }
  }

  Canvas& canvas_;
  Targets& targets_;
  SampleRng& rng_;
  std::vector<float>& blur_scratch_;
  std::vector<uint8_t>& sharpness_scratch_;
};

namespace {

void normalize(const Normalize& step, Planes in, float* row) {
  const size_t count = in.plane_values();
  for (size_t channel = 0; channel < static_cast<size_t>(in.channels); ++channel) {
    const size_t i = step.mean.size() == 1 ? 0 : channel;
    image::normalize(in.values + channel * count, count, step.mean[i] * 255.0f, 1.0f / (step.std[i] * 255.0f),
                     row + channel * count);
  }
}

void to_float(const ToDtype& step, Planes in, float* row) {
  const size_t count = in.plane_values() * static_cast<size_t>(in.channels);
  image::normalize(in.values, count, 0.0f, step.scale ? 1.0f / 255.0f : 1.0f, row);
}

void call_on_floats(const Lambda& step, float* row, const Lambda::Shape& shape, SampleRng& rng) {
  const at::Tensor result = step.call(row, c10::ScalarType::Float, shape, rng);
  const auto* values = result.const_data_ptr<float>();
  if (values != row) std::copy_n(values, result.numel(), row);
}

}  // namespace

void Renderer::render(const Chain& chain, std::span<const std::byte> file, const PictureOptions& options,
                      SampleRng& rng, Size size, std::span<std::byte> row) {
  render(chain, file, options, rng, size, row, no_targets_);
}

void Renderer::render(const Chain& chain, std::span<const std::byte> file, const PictureOptions& options,
                      SampleRng& rng, Size size, std::span<std::byte> row, Targets& targets) {
  canvas_.open(file, options);
  run(chain, rng, size, row, targets);
}

void Renderer::render(const Chain& chain, std::span<const uint8_t> planes, Size picture_size, SampleRng& rng, Size size,
                      std::span<std::byte> row) {
  canvas_.open(planes, picture_size);
  run(chain, rng, size, row, no_targets_);
}

/// Takes the picture on the canvas through the chain into the row.
void Renderer::run(const Chain& chain, SampleRng& rng, Size size, std::span<std::byte> row, Targets& targets) {
  require_masks_of(canvas_.size(), targets);
  const auto is_float = [](const Step& step) {
    return std::holds_alternative<Normalize>(step) || std::holds_alternative<ToDtype>(step);
  };
  const auto& steps = chain.steps();
  const auto conversion = std::find_if(steps.begin(), steps.end(), is_float);
  Steps apply(*this, rng, targets);
  std::for_each(steps.begin(), conversion, [&](const Step& step) { std::visit(apply, step); });

  require_size(canvas_.size(), size);
  if (conversion == steps.end()) {
    canvas_.write({reinterpret_cast<uint8_t*>(row.data()), row.size()});
    return;
  }
  auto* const floats = reinterpret_cast<float*>(row.data());
  if (const auto* step = std::get_if<Normalize>(&*conversion)) normalize(*step, canvas_.pixels(), floats);
  if (const auto* step = std::get_if<ToDtype>(&*conversion)) to_float(*step, canvas_.pixels(), floats);
  // Nothing else may follow.
  std::for_each(conversion + 1, steps.end(), [&](const Step& step) {
    call_on_floats(std::get<Lambda>(step), floats, {canvas_.channels(), size}, rng);
  });
}

}  // namespace millrace::transforms
