#include "millrace/loader/images/transforms/targets.h"

#include <algorithm>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/resample.h"

namespace millrace::transforms {

using image::Box;
using image::Planes;
using image::Size;

namespace {

constexpr std::array<uint8_t, 1> kNothing = {0};

void clamp(TargetBox& box, Size picture) {
  for (size_t i = 0; i < box.size(); ++i)
    box[i] = std::clamp(box[i], 0.0f, static_cast<float>(i % 2 == 0 ? picture.width : picture.height));
}

void shift(TargetBox& box, int right, int down) {
  for (size_t i = 0; i < box.size(); ++i) box[i] += static_cast<float>(i % 2 == 0 ? right : down);
}

/// The pixel of `from` that is nearest to each of `to`.
std::vector<int> nearest_sources(int from, int to) {
  std::vector<int> sources;
  sources.reserve(static_cast<size_t>(to));
  for (int i = 0; i < to; ++i) sources.push_back(image::nearest_input(i, from, to));
  return sources;
}

}  // namespace

void Targets::clear() {
  boxes.clear();
  masks_.clear();
  num_masks_ = 0;
  mask_size_ = {};
}

void Targets::add_mask(std::span<const std::byte> file, int64_t max_pixels) {
  const auto [size, numbers] = image::decode_numbers(file, max_pixels);
  const auto over = std::find_if(numbers.begin(), numbers.end(), [](uint16_t number) { return number > 255; });
  if (over != numbers.end()) {
    const auto at = over - numbers.begin();
    throw std::runtime_error("the number " + std::to_string(*over) + " at row " + std::to_string(at / size.width) +
                             ", column " + std::to_string(at % size.width) + ": masks hold 0 to 255");
  }
  add_mask(size, std::vector<uint8_t>(numbers.begin(), numbers.end()));
}

void Targets::add_mask(Size size, std::span<const uint8_t> values) {
  if (num_masks_ > 0 && size != mask_size_) {
    throw std::runtime_error("a mask of " + to_string(size) + " beside one of " + to_string(mask_size_) +
                             ": all masks of a picture have its size");
  }
  if (values.size() != static_cast<size_t>(size.height) * static_cast<size_t>(size.width)) {
    throw std::runtime_error("a mask of " + to_string(size) + " with " + std::to_string(values.size()) + " values");
  }
  mask_size_ = size;
  masks_.insert(masks_.end(), values.begin(), values.end());
  ++num_masks_;
}

template <class Write>
void Targets::replace_masks(Size size, Write write) {
  if (num_masks_ == 0) return;
  other_masks_.resize(static_cast<size_t>(num_masks_) * static_cast<size_t>(size.height) *
                      static_cast<size_t>(size.width));
  write(Planes{other_masks_.data(), size, num_masks_});
  masks_.swap(other_masks_);
  mask_size_ = size;
}

void Targets::crop(const Box& box) {
  for (TargetBox& target : boxes) {
    shift(target, -box.x, -box.y);
    clamp(target, box.size());
  }
  replace_masks(box.size(), [&](const Planes& out) {
    const Planes in = mask_planes();
    for (int mask = 0; mask < out.channels; ++mask)
      for (int y = 0; y < box.height; ++y) std::copy_n(in.row(mask, box.y + y) + box.x, box.width, out.row(mask, y));
  });
}

void Targets::flip_horizontal(Size now) {
  const auto width = static_cast<float>(now.width);
  for (TargetBox& target : boxes) target = {width - target[2], target[1], width - target[0], target[3]};
  const Planes planes = mask_planes();
  for (int mask = 0; mask < num_masks_; ++mask)
    for (int y = 0; y < now.height; ++y) std::reverse(planes.row(mask, y), planes.row(mask, y) + now.width);
}

void Targets::flip_vertical(Size now) {
  const auto height = static_cast<float>(now.height);
  for (TargetBox& target : boxes) target = {target[0], height - target[3], target[2], height - target[1]};
  image::flip_vertical(mask_planes());
}

void Targets::resize(Size now, Size target) {
  const auto across = static_cast<float>(static_cast<double>(target.width) / now.width);
  const auto down = static_cast<float>(static_cast<double>(target.height) / now.height);
  for (TargetBox& box : boxes) box = {box[0] * across, box[1] * down, box[2] * across, box[3] * down};
  replace_masks(target, [&](const Planes& out) {
    const Planes in = mask_planes();
    const std::vector<int> columns = nearest_sources(now.width, target.width);
    const std::vector<int> rows = nearest_sources(now.height, target.height);
    for (int mask = 0; mask < out.channels; ++mask) {
      for (int y = 0; y < target.height; ++y) {
        const uint8_t* const from = in.row(mask, rows[static_cast<size_t>(y)]);
        std::transform(columns.begin(), columns.end(), out.row(mask, y), [&](int x) { return from[x]; });
      }
    }
  });
}

void Targets::pad(Size now, const image::Borders& borders, image::PadMode mode) {
  const Size padded = image::padded(now, borders);
  for (TargetBox& target : boxes) {
    shift(target, borders.left, borders.top);
    clamp(target, padded);
  }
  replace_masks(padded, [&](const Planes& out) { image::pad(mask_planes(), borders, mode, kNothing, out.values); });
}

void Targets::transform_affine(Size now, const image::Affine& affine) {
  const auto [a, b, c, d, e, f] = image::affine_matrix(affine, now);
  for (TargetBox& target : boxes) {
    std::array<float, 4> xs;
    std::array<float, 4> ys;
    for (size_t corner = 0; corner < 4; ++corner) {
      const double x = target[corner % 2 * 2];
      const double y = target[corner / 2 * 2 + 1];
      xs[corner] = static_cast<float>(a * x + b * y + c);
      ys[corner] = static_cast<float>(d * x + e * y + f);
    }
    const auto [left, right] = std::minmax_element(xs.begin(), xs.end());
    const auto [top, bottom] = std::minmax_element(ys.begin(), ys.end());
    target = {*left, *top, *right, *bottom};
    clamp(target, now);
  }
  replace_masks(now, [&](const Planes& out) {
    image::transform_affine(mask_planes(), affine, image::Interpolation::kNearest, kNothing, out.values);
  });
}

std::vector<size_t> sane_boxes(std::span<const TargetBox> boxes, Size picture, float min_size, float min_area) {
  std::vector<size_t> sane;
  for (size_t i = 0; i < boxes.size(); ++i) {
    const auto& [left, top, right, bottom] = boxes[i];
    const float width = right - left;
    const float height = bottom - top;
    const bool inside = left >= 0 && top >= 0 && right >= 0 && bottom >= 0 &&
                        std::max(left, right) <= static_cast<float>(picture.width) &&
                        std::max(top, bottom) <= static_cast<float>(picture.height);
    if (inside && width >= min_size && height >= min_size && width * height >= min_area) sane.push_back(i);
  }
  return sane;
}

}  // namespace millrace::transforms
