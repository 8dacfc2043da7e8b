#include "millrace/loader/images/transforms/random_resized_crop.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "millrace/loader/images/transforms/checks.h"
#include "millrace/loader/images/transforms/draw_box.h"
#include "millrace/loader/images/transforms/moved_picture.h"

namespace millrace::transforms {

RandomResizedCrop::RandomResizedCrop(int square, std::pair<double, double> scale_range,
                                     std::pair<double, double> ratio_range, ResizeFilter filter)
    : RandomResizedCrop(image::Size{square, square}, scale_range, ratio_range, filter) {}

RandomResizedCrop::RandomResizedCrop(image::Size exact, std::pair<double, double> scale_range,
                                     std::pair<double, double> ratio_range, ResizeFilter filter)
    : size(exact), scale(scale_range), ratio(ratio_range), interpolation(filter) {
  check();
}

void RandomResizedCrop::check() const {
  check_size(kName, size);
  check_range(kName, "scale", scale);
  check_range(kName, "ratio", ratio);
}

image::Box RandomResizedCrop::draw(image::Size input, SampleRng& rng) const {
  const auto size_of = [&](double width, double height) -> std::optional<image::Size> {
    if (width < 1 || width > input.width || height < 1 || height > input.height) return std::nullopt;
    return image::Size{static_cast<int>(height), static_cast<int>(width)};
  };
  if (const auto box = draw_box(input, scale, ratio, size_of, rng)) return *box;
  // Halves to the even neighbour, as Python rounds.
  const auto rounded = [](double side, int most) {
    return std::clamp(static_cast<int>(std::nearbyint(side)), 1, most);
  };
  const double input_ratio = static_cast<double>(input.width) / input.height;
  image::Size crop = input;
  if (input_ratio < ratio.first) {
    crop.height = rounded(crop.width / ratio.first, input.height);
  } else if (input_ratio > ratio.second) {
    crop.width = rounded(crop.height * ratio.second, input.width);
  }
  return {(input.height - crop.height) / 2, (input.width - crop.width) / 2, crop.height, crop.width};
}

void RandomResizedCrop::apply(MovedPicture& picture, SampleRng& rng) const {
  picture.crop(draw(picture.size(), rng));
  picture.resize(size, interpolation);
}

}  // namespace millrace::transforms
