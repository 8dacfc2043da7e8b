#include "millrace/loader/transforms/transforms.h"

#include <algorithm>
#include <cmath>
#include <sstream>
#include <stdexcept>

namespace millrace::transforms {
namespace {

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;

/// Larger pictures than any decoder of ours gives; keeps products of sides within 64 bits and buffers within reason.
constexpr int kLargestSide = 1 << 20;

void check_size(const char* who, image::Size size) {
  if (size.height < 1 || size.width < 1 || size.height > kLargestSide || size.width > kLargestSide) {
    throw std::invalid_argument(std::string(who) + ": size must be 1.." + std::to_string(kLargestSide) +
                                " pixels a side, got " + to_string(size));
  }
}

void check_range(const char* what, std::pair<double, double> range) {
  if (!(range.first > 0 && range.first <= range.second && std::isfinite(range.second))) {
    std::ostringstream text;
    text << "RandomResizedCrop: " << what << " must be {low, high} with 0 < low <= high, got {" << range.first << ", "
         << range.second << "}";
    throw std::invalid_argument(text.str());
  }
}

/// Python's round(): halves go to the even neighbour.
int round_half_even(double value) { return static_cast<int>(std::nearbyint(value)); }

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
  check_range("scale", scale);
  check_range("ratio", ratio);
}

image::Box RandomResizedCrop::draw(image::Size input, SampleRng& rng) const {
  const double area = static_cast<double>(input.height) * input.width;
  const double log_low = std::log(ratio.first);
  const double log_high = std::log(ratio.second);
  constexpr int kTries = 10;
  for (int i = 0; i < kTries; ++i) {
    const double target_area = area * rng.uniform(scale.first, scale.second);
    const double aspect_ratio = std::exp(rng.uniform(log_low, log_high));
    const double width = std::nearbyint(std::sqrt(target_area * aspect_ratio));
    const double height = std::nearbyint(std::sqrt(target_area / aspect_ratio));
    if (width < 1 || width > input.width || height < 1 || height > input.height) continue;
    image::Box box{.height = static_cast<int>(height), .width = static_cast<int>(width)};
    box.y = static_cast<int>(rng.integer(0, input.height - box.height));
    box.x = static_cast<int>(rng.integer(0, input.width - box.width));
    return box;
  }
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
  if (!(p >= 0 && p <= 1)) {
    throw std::invalid_argument("RandomHorizontalFlip: p must be a probability, 0..1, got " + std::to_string(p));
  }
}

Normalize::Normalize(std::vector<float> means, std::vector<float> stds) : mean(std::move(means)), std(std::move(stds)) {
  if (mean.empty() || mean.size() != std.size()) {
    throw std::invalid_argument("Normalize: as many means as standard deviations, at least one; got " +
                                std::to_string(mean.size()) + " and " + std::to_string(std.size()));
  }
  for (const float value : std) {
    if (!(std::abs(value) > 0)) throw std::invalid_argument("Normalize: a standard deviation of 0 divides by zero");
  }
}

Normalize Normalize::imagenet() { return {{0.485f, 0.456f, 0.406f}, {0.229f, 0.224f, 0.225f}}; }

c10::ScalarType Chain::dtype() const {
  return !steps_.empty() && std::holds_alternative<Normalize>(steps_.back()) ? c10::ScalarType::Float
                                                                             : c10::ScalarType::Byte;
}

image::Size Chain::output_size(image::Size input) const {
  for (const Step& step : steps_) {
    input = std::visit(Overloaded{
                           [&](const Resize& resize) { return resize.output_size(input); },
                           [&](const CenterCrop& crop) { return crop.size; },
                           [&](const RandomResizedCrop& crop) { return crop.size; },
                           [&](const RandomHorizontalFlip&) { return input; },
                           [&](const Normalize&) { return input; },
                       },
                       step);
  }
  return input;
}

std::optional<image::Size> Chain::fixed_size() const {
  const auto fixes = [](const Step& step) {
    const auto* resize = std::get_if<Resize>(&step);
    return (resize && !resize->shorter_side) || std::holds_alternative<CenterCrop>(step) ||
           std::holds_alternative<RandomResizedCrop>(step);
  };
  if (std::none_of(steps_.begin(), steps_.end(), fixes)) return std::nullopt;
  // From a step that fixes the size on, nothing depends on what came before.
  return output_size({1, 1});
}

FieldSpec Chain::field(std::string name, ImageMode mode, image::Size size) const {
  if (const auto* normalize = steps_.empty() ? nullptr : std::get_if<Normalize>(&steps_.back())) {
    const size_t means = normalize->mean.size();
    if (means != 1 && means != static_cast<size_t>(channels(mode))) {
      throw std::invalid_argument("Normalize: " + std::to_string(means) + " means for pictures with " +
                                  std::to_string(channels(mode)) + (channels(mode) == 1 ? " channel" : " channels"));
    }
  }
  return {std::move(name), dtype(), {channels(mode), size.height, size.width}};
}

Chain operator|(Chain first, const Chain& second) {
  if (first.dtype() == c10::ScalarType::Float && !second.steps_.empty()) {
    throw std::invalid_argument(
        "Normalize must be the last step of a chain: the others work on pixels. Move it behind " + to_string(second));
  }
  first.steps_.insert(first.steps_.end(), second.steps_.begin(), second.steps_.end());
  return first;
}

std::string to_string(const Chain& chain) {
  std::ostringstream text;
  for (const Step& step : chain.steps()) {
    if (&step != &chain.steps().front()) text << " | ";
    std::visit(Overloaded{
                   [&](const Resize& resize) {
                     text << "Resize("
                          << (resize.shorter_side ? std::to_string(resize.size.height) : to_string(resize.size)) << ')';
                   },
                   [&](const CenterCrop& crop) { text << "CenterCrop(" << to_string(crop.size) << ')'; },
                   [&](const RandomResizedCrop& crop) { text << "RandomResizedCrop(" << to_string(crop.size) << ')'; },
                   [&](const RandomHorizontalFlip& flip) { text << "RandomHorizontalFlip(" << flip.p << ')'; },
                   [&](const Normalize&) { text << "Normalize"; },
               },
               step);
  }
  return text.str();
}

}  // namespace millrace::transforms
