#include "millrace/loader/transforms/renderer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "millrace/loader/image/color.h"
#include "millrace/loader/image/kernels.h"
#include "millrace/loader/image/planes.h"
#include "millrace/loader/transforms/overloaded.h"

namespace millrace::transforms {

using image::Box;
using image::Size;
using image::Strip;

/// What the steps so far make of the source, without having computed it: crop, mirror, resize, crop again, mirror
/// again.
class Renderer::View {
 public:
  explicit View(Size source) : source_size_(source), crop_(image::whole(source)) {}

  Size size() const { return resized_ ? window_.size() : crop_.size(); }

  /// Keeps `box` of the present view.
  void crop(const Box& box) {
    Box& kept = resized_ ? window_ : crop_;
    const int x = mirror() ? kept.width - box.x - box.width : box.x;
    kept = {kept.y + box.y, kept.x + x, box.height, box.width};
  }

  void flip() { mirror() = !mirror(); }

  /// REQUIRES: not resized().
  void resize(Size target) {
    resized_ = true;
    target_ = target;
    window_ = image::whole(target);
  }

  /// The view is the source.
  bool untouched() const { return !resized_ && !mirrored_source_ && crop_ == image::whole(source_size_); }
  bool resized() const { return resized_; }
  Size source_size() const { return source_size_; }
  bool mirrored() const { return mirrored_source_; }
  const Box& source() const { return crop_; }
  image::ResampleRequest request() const {
    return {crop_.size(), target_, window_, mirrored_source_, mirrored_target_};
  }

 private:
  bool& mirror() { return resized_ ? mirrored_target_ : mirrored_source_; }

  Size source_size_;
  Box crop_;
  bool mirrored_source_ = false;
  bool resized_ = false;
  Size target_;
  Box window_;
  bool mirrored_target_ = false;
};

namespace {

size_t plane_bytes(Size size) { return static_cast<size_t>(size.height) * static_cast<size_t>(size.width); }

void check_pixels(Size size) {
  constexpr size_t kMostPixels = size_t{1} << 28;
  if (plane_bytes(size) > kMostPixels) {
    throw std::runtime_error("a transform makes a picture of " + to_string(size) +
                             " pixels out of this one, the limit is " + std::to_string(kMostPixels));
  }
}

void normalize(const Normalize& step, image::Planes in, float* row) {
  const size_t count = in.plane_values();
  for (size_t channel = 0; channel < static_cast<size_t>(in.channels); ++channel) {
    const size_t i = step.mean.size() == 1 ? 0 : channel;
    image::normalize(in.values + channel * count, count, step.mean[i] * 255.0f, 1.0f / (step.std[i] * 255.0f),
                     row + channel * count);
  }
}

void to_float(const ToDtype& step, image::Planes in, float* row) {
  const size_t count = in.plane_values() * static_cast<size_t>(in.channels);
  image::normalize(in.values, count, 0.0f, step.scale ? 1.0f / 255.0f : 1.0f, row);
}

}  // namespace

/// Calls `consume` with the rows of `region` of the source, strip by strip.
template <class Consumer>
void Renderer::read(const Box& region, Consumer&& consume) {
  if (source_ == Source::kPicture) {
    consume(picture_.strip(region));
    return;
  }
  decoder_.start(region);
  for (Strip strip = decoder_.next(); strip.rows > 0; strip = decoder_.next()) consume(strip);
}

/// Computes the view. `planes` may be planes_ only where they are not the source.
void Renderer::write_planes(const View& view, std::span<uint8_t> planes) {
  if (source_ == Source::kPlanes) {
    if (view.untouched()) {
      std::copy(planes_.begin(), planes_.end(), planes.begin());
      return;
    }
    pack(view.source_size());
  }
  const int count = channels_;
  if (view.resized()) {
    resampler_.start(view.request());
    Box region = resampler_.needed();
    region.y += view.source().y;
    region.x += view.source().x;
    read(region, [&](const Strip& strip) { resampler_.feed(strip); });
    resampler_.finish(count, planes);
    return;
  }
  const int width = view.size().width;
  const size_t plane = plane_bytes(view.size());
  uint8_t* out = planes.data();
  read(view.source(), [&](const Strip& strip) {
    for (int y = 0; y < strip.rows; ++y, out += width) {
      const uint8_t* const pixels = strip.pixels + static_cast<size_t>(y) * strip.stride;
      const std::array<uint8_t*, 3> rows = {out, out + plane, out + 2 * plane};
      if (view.mirrored()) {
        image::split_row_mirrored(pixels, width, count, rows.data());
      } else {
        image::split_row(pixels, width, count, rows.data());
      }
    }
  });
}

/// Computes the view into planes_, and makes them the source.
image::Planes Renderer::pixels(View& view) {
  const Size size = view.size();
  if (source_ != Source::kPlanes || !view.untouched()) {
    check_pixels(size);
    if (source_ == Source::kPlanes) pack(view.source_size());
    planes_.resize(plane_bytes(size) * static_cast<size_t>(channels_));
    write_planes(view, planes_);
    source_ = Source::kPlanes;
    view = View(size);
  }
  return {planes_.data(), size, channels_};
}

/// Makes picture_ of planes_, which have `size`, and the source.
void Renderer::pack(Size size) {
  const size_t plane = plane_bytes(size);
  picture_.reset(size);
  const uint8_t* in = planes_.data();
  for (int y = 0; y < size.height; ++y) {
    uint8_t* out = picture_.row(y);
    for (int x = 0; x < size.width; ++x, ++in, out += image::kPixelBytes) {
      for (size_t channel = 0; channel < static_cast<size_t>(channels_); ++channel) out[channel] = in[channel * plane];
    }
  }
  source_ = Source::kPicture;
}

void Renderer::pad(View& view, const image::Borders& borders, PadMode mode, std::span<const uint8_t> fill) {
  if (borders == image::Borders{}) return;
  const Size size = view.size();
  const Size padded = {size.height + borders.top + borders.bottom, size.width + borders.left + borders.right};
  check_pixels(padded);
  const image::Planes in = pixels(view);
  other_planes_.resize(plane_bytes(padded) * static_cast<size_t>(channels_));
  image::pad(in, borders, mode, fill, other_planes_.data());
  planes_.swap(other_planes_);
  view = View(padded);
}

void Renderer::make_gray(View& view, int output_channels) {
  const image::Planes planes = pixels(view);
  if (planes.channels == 3) image::gray_into_first(planes);
  const size_t plane = planes.plane_values();
  planes_.resize(plane * static_cast<size_t>(output_channels));
  for (size_t channel = 1; channel < static_cast<size_t>(output_channels); ++channel)
    std::copy_n(planes_.data(), plane, planes_.data() + channel * plane);
  channels_ = output_channels;
}

void Renderer::jitter(View& view, const ColorJitter::Drawn& drawn) {
  constexpr std::array kAdjust = {image::adjust_brightness, image::adjust_contrast, image::adjust_saturation,
                                  image::adjust_hue};
  for (const ColorJitter::Change change : drawn.order) {
    const auto i = static_cast<size_t>(change);
    if (drawn.amounts[i]) kAdjust[i](pixels(view), *drawn.amounts[i]);
  }
}

void Renderer::render(const Chain& chain, std::span<const std::byte> file, ImageMode mode, SampleRng& rng, Size size,
                      std::span<std::byte> row) {
  channels_ = channels(mode);
  source_ = Source::kFile;
  run(chain, View(decoder_.open(file, mode)), rng, size, row);
}

void Renderer::render(const Chain& chain, std::span<const uint8_t> planes, Size picture_size, SampleRng& rng, Size size,
                      std::span<std::byte> row) {
  channels_ = static_cast<int>(planes.size() / plane_bytes(picture_size));
  source_ = Source::kPlanes;
  planes_.assign(planes.begin(), planes.end());
  run(chain, View(picture_size), rng, size, row);
}

/// Takes the view of the source through the chain into the row.
void Renderer::run(const Chain& chain, View view, SampleRng& rng, Size size, std::span<std::byte> row) {
  constexpr std::array<uint8_t, 1> kBlack = {0};
  const auto resize = [&](Size target) {
    if (target == view.size()) return;
    if (view.resized()) pixels(view);
    view.resize(target);
  };
  const auto center_crop = [&](Size target) {
    const Size now = view.size();
    const Size padded = {std::max(target.height, now.height), std::max(target.width, now.width)};
    const int top = (padded.height - now.height) / 2;
    const int left = (padded.width - now.width) / 2;
    pad(view, {left, top, padded.width - now.width - left, padded.height - now.height - top}, PadMode::kConstant,
        kBlack);
    // Halves to the even neighbour, as Python rounds.
    view.crop({static_cast<int>(std::nearbyint((padded.height - target.height) / 2.0)),
               static_cast<int>(std::nearbyint((padded.width - target.width) / 2.0)), target.height, target.width});
  };
  const Overloaded apply{
      [&](const Resize& step) { resize(step.output_size(view.size())); },
      [&](const CenterCrop& step) { center_crop(step.size); },
      [&](const RandomResizedCrop& step) {
        view.crop(step.draw(view.size(), rng));
        resize(step.size);
      },
      [&](const RandomHorizontalFlip& step) {
        if (rng.chance(step.p)) view.flip();
      },
      [&](const RandomVerticalFlip& step) {
        if (rng.chance(step.p)) image::flip_vertical(pixels(view));
      },
      [&](const Pad& step) { pad(view, step.borders, step.mode, step.fill); },
      [&](const RandomCrop& step) {
        pad(view, step.borders(view.size()), step.padding.mode, step.padding.fill);
        view.crop(step.draw(view.size(), rng));
      },
      [&](const ColorJitter& step) { jitter(view, step.draw(rng)); },
      [&](const Grayscale& step) { make_gray(view, step.num_output_channels); },
      [&](const RandomGrayscale& step) {
        if (rng.chance(step.p)) make_gray(view, channels_);
      },
      [&](const GaussianBlur& step) {
        const double sigma = rng.uniform(step.sigma.first, step.sigma.second);
        image::gaussian_blur(pixels(view), step.kernel_size, sigma, scratch_);
      },
      [&](const RandomErasing& step) {
        if (const auto box = step.draw(view.size(), rng)) image::fill_box(pixels(view), *box, step.value);
      },
      // The end of a chain, done below when the size is known to be right.
      [](const Normalize&) {},
      [](const ToDtype&) {},
  };
  for (const Step& step : chain.steps()) std::visit(apply, step);

  if (view.size() != size) {
    throw ImageSizeError("the picture comes out " + to_string(view.size()) + " (height x width), the batch holds " +
                         to_string(size) + ": add a transform that fixes the size, such as Resize({" +
                         std::to_string(size.height) + ", " + std::to_string(size.width) + "}) or RandomResizedCrop");
  }
  const Step* const last = chain.steps().empty() ? nullptr : &chain.steps().back();
  auto* const floats = reinterpret_cast<float*>(row.data());
  if (const auto* step = last ? std::get_if<Normalize>(last) : nullptr) {
    normalize(*step, pixels(view), floats);
  } else if (const auto* conversion = last ? std::get_if<ToDtype>(last) : nullptr) {
    to_float(*conversion, pixels(view), floats);
  } else {
    const size_t values = plane_bytes(size) * static_cast<size_t>(channels_);
    write_planes(view, {reinterpret_cast<uint8_t*>(row.data()), values});
  }
}

}  // namespace millrace::transforms
