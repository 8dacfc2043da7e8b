#include "millrace/loader/images/transforms/canvas.h"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <utility>

#include "millrace/loader/images/kernels.h"
#include "millrace/loader/stages.h"

namespace millrace::transforms {

using image::Box;
using image::Size;
using image::Strip;

namespace {

size_t plane_bytes(Size size) { return static_cast<size_t>(size.height) * static_cast<size_t>(size.width); }

void check_pixels(Size size) {
  constexpr size_t kMostPixels = size_t{1} << 28;
  if (plane_bytes(size) > kMostPixels) {
    throw std::runtime_error("a transform makes a picture of " + to_string(size) +
                             " pixels out of this one, the limit is " + std::to_string(kMostPixels));
  }
}

}  // namespace

void Canvas::open(std::span<const std::byte> file, const PictureOptions& options) {
  channels_ = millrace::channels(options.mode);
  source_ = Source::kFile;
  const StageScope decoding(Stage::kDecode);
  decoding.add_bytes(file.size());
  view_ = View(decoder_.open(file, options));
}

void Canvas::open(std::span<const uint8_t> planes, Size size) {
  channels_ = static_cast<int>(planes.size() / plane_bytes(size));
  source_ = Source::kPlanes;
  std::copy(planes.begin(), planes.end(), planes_.at_least(planes.size()));
  view_ = View(size);
}

void Canvas::resize(Size target, image::ResizeFilter filter) {
  if (target == view_.size()) return;
  if (view_.resized()) pixels();
  view_.resize(target, filter);
}

void Canvas::flip_vertical() { image::flip_vertical(pixels()); }

void Canvas::pad(const image::Borders& borders, image::PadMode mode, std::span<const uint8_t> fill) {
  const Size now = size();
  const auto out = other(image::padded(now, borders), channels_);
  image::pad(pixels(), borders, mode, fill, out.values);
  replace();
}

void Canvas::transform_affine(const image::Affine& affine, image::Interpolation interpolation,
                              std::span<const uint8_t> fill) {
  const auto out = other(size(), channels_);
  image::transform_affine(pixels(), affine, interpolation, fill, out.values);
  replace();
}

/// Calls `consume` with the rows of `region` of the source, strip by strip.
template <class Consumer>
void Canvas::read(const Box& region, Consumer&& consume) {
  if (source_ == Source::kPicture) {
    consume(picture_.strip(region));
    return;
  }
  const auto decoding = [](auto step) {
    const StageScope more(Stage::kDecode, StageScope::Part::kMore);
    return step();
  };
  decoding([&] { decoder_.start(region); });
  const auto next = [&] { return decoding([&] { return decoder_.next(); }); };
  for (Strip strip = next(); strip.rows > 0; strip = next()) consume(strip);
}

/// Computes the view. `planes` may be planes_ only where they are not the source.
void Canvas::compute(std::span<uint8_t> planes) {
  if (view_.resized()) {
    resampler_.start(view_.request());
    Box region = resampler_.needed();
    region.y += view_.source().y;
    region.x += view_.source().x;
    read(region, [&](const Strip& strip) { resampler_.feed(strip); });
    resampler_.finish(channels_, planes);
    return;
  }
  const int width = view_.size().width;
  const size_t plane = plane_bytes(view_.size());
  uint8_t* out = planes.data();
  read(view_.source(), [&](const Strip& strip) {
    for (int y = 0; y < strip.rows; ++y, out += width) {
      const uint8_t* const pixels = strip.pixels + static_cast<size_t>(y) * strip.stride;
      const std::array<uint8_t*, 3> rows = {out, out + plane, out + 2 * plane};
      if (view_.mirrored()) {
        image::split_row_mirrored(pixels, width, channels_, rows.data());
      } else {
        image::split_row(pixels, width, channels_, rows.data());
      }
    }
  });
}

/// Makes picture_ of planes_, and the source.
void Canvas::pack() {
  const Size size = view_.source_size();
  const size_t plane = plane_bytes(size);
  picture_.reset(size);
  const uint8_t* in = planes_.get();
  for (int y = 0; y < size.height; ++y) {
    uint8_t* out = picture_.row(y);
    for (int x = 0; x < size.width; ++x, ++in, out += image::kPixelBytes) {
      for (size_t channel = 0; channel < static_cast<size_t>(channels_); ++channel) out[channel] = in[channel * plane];
    }
  }
  source_ = Source::kPicture;
}

image::Planes Canvas::pixels() {
  const Size size = view_.size();
  if (source_ != Source::kPlanes || !view_.untouched()) {
    check_pixels(size);
    if (source_ == Source::kPlanes) pack();
    const size_t bytes = plane_bytes(size) * static_cast<size_t>(channels_);
    compute({planes_.at_least(bytes), bytes});
    source_ = Source::kPlanes;
    view_ = View(size);
  }
  return {planes_.get(), size, channels_};
}

image::Planes Canvas::other(Size size, int channels) {
  check_pixels(size);
  other_size_ = size;
  other_channels_ = channels;
  return {other_planes_.at_least(plane_bytes(size) * static_cast<size_t>(channels)), size, channels};
}

void Canvas::replace() {
  std::swap(planes_, other_planes_);
  source_ = Source::kPlanes;
  view_ = View(other_size_);
  channels_ = other_channels_;
}

void Canvas::write(std::span<uint8_t> planes) {
  if (source_ == Source::kPlanes && view_.untouched()) {
    std::copy_n(planes_.get(), plane_bytes(view_.size()) * static_cast<size_t>(channels_), planes.begin());
    return;
  }
  if (source_ == Source::kPlanes) pack();
  compute(planes);
}

}  // namespace millrace::transforms
