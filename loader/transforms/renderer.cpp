#include "millrace/loader/transforms/renderer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "millrace/loader/image/kernels.h"

namespace millrace::transforms {

using image::Box;
using image::Size;
using image::Strip;

/// What the steps so far make of the source, without having computed it: crop, mirror, resize, crop again, mirror
/// again.
class Renderer::View {
 public:
  explicit View(Size source) : crop_(image::whole(source)) {}

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

  bool resized() const { return resized_; }
  bool mirrored() const { return mirrored_source_; }
  const Box& source() const { return crop_; }
  image::ResampleRequest request() const {
    return {crop_.size(), target_, window_, mirrored_source_, mirrored_target_};
  }

 private:
  bool& mirror() { return resized_ ? mirrored_target_ : mirrored_source_; }

  Box crop_;
  bool mirrored_source_ = false;
  bool resized_ = false;
  Size target_;
  Box window_;
  bool mirrored_target_ = false;
};

namespace {

size_t plane_bytes(Size size) { return static_cast<size_t>(size.height) * static_cast<size_t>(size.width); }

void normalize(const Normalize& step, int channels, std::span<const uint8_t> planes, std::span<std::byte> row) {
  const size_t count = planes.size() / static_cast<size_t>(channels);
  for (size_t channel = 0; channel < static_cast<size_t>(channels); ++channel) {
    const size_t i = step.mean.size() == 1 ? 0 : channel;
    image::normalize(planes.data() + channel * count, count, step.mean[i] * 255.0f, 1.0f / (step.std[i] * 255.0f),
                     reinterpret_cast<float*>(row.data()) + channel * count);
  }
}

}  // namespace

/// Calls `consume` with the rows of `region` of the source, strip by strip.
template <class Consumer>
void Renderer::read(const Box& region, Consumer&& consume) {
  if (in_memory_) {
    consume(picture_.strip(region));
    return;
  }
  decoder_.start(region);
  for (Strip strip = decoder_.next(); strip.rows > 0; strip = decoder_.next()) consume(strip);
}

void Renderer::write_planes(const View& view, std::span<uint8_t> planes) {
  const int count = channels(mode_);
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

/// Computes the view, and makes it the source, in the middle of a black picture of size `canvas`.
void Renderer::materialize(View& view, Size canvas) {
  const Size size = view.size();
  constexpr size_t kMostPixels = size_t{1} << 28;
  if (plane_bytes(canvas) > kMostPixels) {
    throw std::runtime_error("a transform makes a picture of " + to_string(canvas) +
                             " pixels out of this one, the limit is " + std::to_string(kMostPixels));
  }
  const size_t plane = plane_bytes(size);
  planes_.resize(plane * static_cast<size_t>(channels(mode_)));
  write_planes(view, planes_);

  picture_.reset(canvas);
  if (canvas != size) std::memset(picture_.row(0), 0, picture_.stride() * static_cast<size_t>(canvas.height));
  const int top = (canvas.height - size.height) / 2;
  const int left = (canvas.width - size.width) / 2;
  const uint8_t* in = planes_.data();
  for (int y = 0; y < size.height; ++y) {
    uint8_t* out = picture_.row(top + y) + static_cast<size_t>(left) * image::kPixelBytes;
    for (int x = 0; x < size.width; ++x, ++in, out += image::kPixelBytes) {
      for (size_t channel = 0; channel < static_cast<size_t>(channels(mode_)); ++channel)
        out[channel] = in[channel * plane];
    }
  }
  in_memory_ = true;
  view = View(canvas);
}

void Renderer::render(const Chain& chain, std::span<const std::byte> file, ImageMode mode, SampleRng& rng, Size size,
                      std::span<std::byte> row) {
  mode_ = mode;
  in_memory_ = false;
  View view(decoder_.open(file, mode));

  const auto resize = [&](Size target) {
    if (target == view.size()) return;
    if (view.resized()) materialize(view, view.size());
    view.resize(target);
  };
  const auto center_crop = [&](Size target) {
    const Size padded = {std::max(target.height, view.size().height), std::max(target.width, view.size().width)};
    if (padded != view.size()) materialize(view, padded);
    // Halves to the even neighbour, as Python rounds.
    view.crop({static_cast<int>(std::nearbyint((padded.height - target.height) / 2.0)),
               static_cast<int>(std::nearbyint((padded.width - target.width) / 2.0)), target.height, target.width});
  };
  const Normalize* last = nullptr;
  for (const Step& step : chain.steps()) {
    if (const auto* to = std::get_if<Resize>(&step)) {
      resize(to->output_size(view.size()));
    } else if (const auto* middle = std::get_if<CenterCrop>(&step)) {
      center_crop(middle->size);
    } else if (const auto* random = std::get_if<RandomResizedCrop>(&step)) {
      view.crop(random->draw(view.size(), rng));
      resize(random->size);
    } else if (const auto* flip = std::get_if<RandomHorizontalFlip>(&step)) {
      if (rng.chance(flip->p)) view.flip();
    } else {
      last = &std::get<Normalize>(step);
    }
  }

  if (view.size() != size) {
    throw ImageSizeError("the picture comes out " + to_string(view.size()) + " (height x width), the batch holds " +
                         to_string(size) + ": add a transform that fixes the size, such as Resize({" +
                         std::to_string(size.height) + ", " + std::to_string(size.width) + "}) or RandomResizedCrop");
  }
  const size_t values = plane_bytes(size) * static_cast<size_t>(channels(mode));
  if (last) {
    planes_.resize(values);
    write_planes(view, planes_);
    normalize(*last, channels(mode), planes_, row);
  } else {
    write_planes(view, {reinterpret_cast<uint8_t*>(row.data()), values});
  }
}

}  // namespace millrace::transforms
