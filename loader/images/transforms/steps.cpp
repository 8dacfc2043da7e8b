#include "millrace/loader/images/transforms/steps.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/transforms/checks.h"

namespace millrace::transforms {
namespace {

/// Python's round(): halves go to the even neighbour.
int round_half_even(double value) { return static_cast<int>(std::nearbyint(value)); }

using Range = std::pair<double, double>;

/// A box inside `input` of uniformly drawn area, as a part of it, and log-uniformly drawn ratio of its sides: ten tries
/// for one that `size_of` accepts, then none. `size_of` makes an optional size of the two sides, the ratio's numerator
/// first.
template <class SizeOf>
std::optional<image::Box> draw_box(image::Size input, Range scale, Range ratio, SizeOf size_of, SampleRng& rng) {
  const double area = static_cast<double>(input.height) * input.width;
  const double log_low = std::log(ratio.first);
  const double log_high = std::log(ratio.second);
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    const double target_area = area * rng.uniform(scale.first, scale.second);
    const double aspect_ratio = std::exp(rng.uniform(log_low, log_high));
    const double numerator = std::nearbyint(std::sqrt(target_area * aspect_ratio));
    const double denominator = std::nearbyint(std::sqrt(target_area / aspect_ratio));
    const std::optional<image::Size> size = size_of(numerator, denominator);
    if (!size) continue;
    const auto y = static_cast<int>(rng.integer(0, input.height - size->height));
    const auto x = static_cast<int>(rng.integer(0, input.width - size->width));
    return image::Box{y, x, size->height, size->width};
  }
  return std::nullopt;
}

}  // namespace

Resize::Resize(int shorter) : size{shorter, shorter}, shorter_side(true) { check_size("Resize", size); }
Resize::Resize(image::Size exact) : size(exact) { check_size("Resize", size); }

image::Size Resize::output_size(image::Size input) const {
  if (!shorter_side) return size;
  const int64_t shorter = std::min(input.height, input.width);
  const int64_t longer = std::max(input.height, input.width);
  const int64_t new_longer = size.height * longer / shorter;  // Rounded down, as torchvision does.
  if (new_longer > std::numeric_limits<int>::max()) {
    throw std::invalid_argument("Resize(" + std::to_string(size.height) + "): a picture of " + to_string(input) +
                                " would get a side of " + std::to_string(new_longer) + " pixels");
  }
  const int side = static_cast<int>(new_longer);
  return input.width <= input.height ? image::Size{side, size.height} : image::Size{size.height, side};
}

CenterCrop::CenterCrop(int square) : CenterCrop(image::Size{square, square}) {}
CenterCrop::CenterCrop(image::Size exact) : size(exact) { check_size("CenterCrop", size); }

RandomResizedCrop::RandomResizedCrop(int square, std::pair<double, double> scale_range,
                                     std::pair<double, double> ratio_range)
    : RandomResizedCrop(image::Size{square, square}, scale_range, ratio_range) {}

RandomResizedCrop::RandomResizedCrop(image::Size exact, std::pair<double, double> scale_range,
                                     std::pair<double, double> ratio_range)
    : size(exact), scale(scale_range), ratio(ratio_range) {
  check_size("RandomResizedCrop", size);
  check_range("RandomResizedCrop", "scale", scale);
  check_range("RandomResizedCrop", "ratio", ratio);
}

image::Box RandomResizedCrop::draw(image::Size input, SampleRng& rng) const {
  const auto size_of = [&](double width, double height) -> std::optional<image::Size> {
    if (width < 1 || width > input.width || height < 1 || height > input.height) return std::nullopt;
    return image::Size{static_cast<int>(height), static_cast<int>(width)};
  };
  if (const auto box = draw_box(input, scale, ratio, size_of, rng)) return *box;
  const double input_ratio = static_cast<double>(input.width) / input.height;
  image::Size crop = input;
  if (input_ratio < ratio.first) {
    crop.height = std::clamp(round_half_even(crop.width / ratio.first), 1, input.height);
  } else if (input_ratio > ratio.second) {
    crop.width = std::clamp(round_half_even(crop.height * ratio.second), 1, input.width);
  }
  return {(input.height - crop.height) / 2, (input.width - crop.width) / 2, crop.height, crop.width};
}

RandomHorizontalFlip::RandomHorizontalFlip(double probability) : p(probability) {
  check_probability("RandomHorizontalFlip", p);
}

RandomVerticalFlip::RandomVerticalFlip(double probability) : p(probability) {
  check_probability("RandomVerticalFlip", p);
}

Pad::Pad(int all, std::vector<uint8_t> values, PadMode padding_mode)
    : Pad(image::Borders{all, all, all, all}, std::move(values), padding_mode) {}

Pad::Pad(image::Borders sides, std::vector<uint8_t> values, PadMode padding_mode)
    : borders(sides), fill(std::move(values)), mode(padding_mode) {
  for (const int side : {borders.left, borders.top, borders.right, borders.bottom}) {
    if (side < 0 || side > kLargestSide) {
      throw std::invalid_argument("Pad: borders must be 0.." + std::to_string(kLargestSide) + " pixels wide, got " +
                                  std::to_string(side));
    }
  }
  check_values("Pad", "fill", fill);
}

RandomCrop::RandomCrop(int square, Pad before, bool pad_small_pictures)
    : RandomCrop(image::Size{square, square}, std::move(before), pad_small_pictures) {}

RandomCrop::RandomCrop(image::Size exact, Pad before, bool pad_small_pictures)
    : size(exact), padding(std::move(before)), pad_if_needed(pad_small_pictures) {
  check_size("RandomCrop", size);
}

image::Borders RandomCrop::borders(image::Size input) const {
  image::Borders result = padding.borders;
  const image::Size now = image::padded(input, result);
  const int missing_rows = std::max(size.height - now.height, 0);
  const int missing_columns = std::max(size.width - now.width, 0);
  if (missing_rows + missing_columns > 0 && !pad_if_needed) {
    throw std::runtime_error("RandomCrop: the picture is " + to_string(now) +
                             " with its padding, smaller than the crop of " + to_string(size) +
                             ": set pad_if_needed, or resize first");
  }
  // All that is missing goes to both sides, as torchvision does, so that the picture's place is random too.
  result.top += missing_rows;
  result.bottom += missing_rows;
  result.left += missing_columns;
  result.right += missing_columns;
  return result;
}

image::Box RandomCrop::draw(image::Size input, SampleRng& rng) const {
  image::Box box{.height = size.height, .width = size.width};
  if (input.height > size.height) box.y = static_cast<int>(rng.integer(0, input.height - size.height));
  if (input.width > size.width) box.x = static_cast<int>(rng.integer(0, input.width - size.width));
  return box;
}

ColorJitter::ColorJitter(double brightness_change, double contrast_change, double saturation_change, double hue_change)
    : ColorJitter(Range{std::max(0.0, 1 - brightness_change), 1 + brightness_change},
                  {std::max(0.0, 1 - contrast_change), 1 + contrast_change},
                  {std::max(0.0, 1 - saturation_change), 1 + saturation_change}, {-hue_change, hue_change}) {}

ColorJitter::ColorJitter(Range brightness_factors, Range contrast_factors, Range saturation_factors, Range hue_turns)
    : brightness(brightness_factors), contrast(contrast_factors), saturation(saturation_factors), hue(hue_turns) {
  const auto check = [](const char* what, Range factors) {
    if (!(factors.first >= 0 && factors.first <= factors.second && std::isfinite(factors.second)))
      throw range_error("ColorJitter", what, "0 <= low <= high", factors);
  };
  check("brightness", brightness);
  check("contrast", contrast);
  check("saturation", saturation);
  if (!(hue.first >= -0.5 && hue.first <= hue.second && hue.second <= 0.5))
    throw range_error("ColorJitter", "hue", "-0.5 <= low <= high <= 0.5", hue);
}

ColorJitter::Drawn ColorJitter::draw(SampleRng& rng) const {
  Drawn drawn{{Change::kBrightness, Change::kContrast, Change::kSaturation, Change::kHue}, {}};
  for (size_t i = drawn.order.size() - 1; i > 0; --i)
    std::swap(drawn.order[i], drawn.order[static_cast<size_t>(rng.integer(0, static_cast<int64_t>(i)))]);
  const auto draw = [&](Change change, Range range, double none) {
    if (range != Range{none, none}) drawn.amounts[static_cast<size_t>(change)] = rng.uniform(range.first, range.second);
  };
  draw(Change::kBrightness, brightness, 1);
  draw(Change::kContrast, contrast, 1);
  draw(Change::kSaturation, saturation, 1);
  draw(Change::kHue, hue, 0);
  return drawn;
}

Grayscale::Grayscale(int channels) : num_output_channels(channels) {
  if (channels != 1 && channels != 3) {
    throw std::invalid_argument("Grayscale: num_output_channels must be 1 or 3, got " + std::to_string(channels));
  }
}

RandomGrayscale::RandomGrayscale(double probability) : p(probability) { check_probability("RandomGrayscale", p); }

GaussianBlur::GaussianBlur(int square, std::pair<double, double> sigma_range)
    : GaussianBlur(image::Size{square, square}, sigma_range) {}

GaussianBlur::GaussianBlur(image::Size exact, std::pair<double, double> sigma_range)
    : kernel_size(exact), sigma(sigma_range) {
  check_size("GaussianBlur", kernel_size);
  if (kernel_size.height % 2 == 0 || kernel_size.width % 2 == 0) {
    throw std::invalid_argument("GaussianBlur: kernel_size must be odd, so that it has a middle; got " +
                                to_string(kernel_size));
  }
  check_range("GaussianBlur", "sigma", sigma);
}

RandomErasing::RandomErasing(double probability, std::pair<double, double> scale_range,
                             std::pair<double, double> ratio_range, std::vector<uint8_t> values)
    : p(probability), scale(scale_range), ratio(ratio_range), value(std::move(values)) {
  check_probability("RandomErasing", p);
  if (!(scale.first >= 0 && scale.first <= scale.second && scale.second <= 1))
    throw range_error("RandomErasing", "scale", "0 <= low <= high <= 1", scale);
  check_range("RandomErasing", "ratio", ratio);
  check_values("RandomErasing", "value", value);
}

std::optional<image::Box> RandomErasing::draw(image::Size input, SampleRng& rng) const {
  if (!rng.chance(p)) return std::nullopt;
  const auto size_of = [&](double height, double width) -> std::optional<image::Size> {
    if (height >= input.height || width >= input.width) return std::nullopt;
    return image::Size{static_cast<int>(height), static_cast<int>(width)};
  };
  return draw_box(input, scale, ratio, size_of, rng);
}

ToDtype::ToDtype(c10::ScalarType dtype, bool scale_to_one) : scale(scale_to_one) {
  if (dtype != c10::ScalarType::Float) {
    throw std::invalid_argument(std::string("ToDtype: pictures become float32 here, not ") + c10::toString(dtype) +
                                "; convert the batch's tensor with .to()");
  }
}

}  // namespace millrace::transforms
