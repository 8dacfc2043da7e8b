#include "millrace/packing/resize.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "millrace/loader/images/image.h"
#include "millrace/packing/jpeg_writer.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/whole_number.h"

namespace millrace::packing {
namespace {

int side_of(std::string_view text, std::string_view whole) {
  constexpr int kLargest = 65500;  // Of a JPEG.
  const auto side = detail::whole_number<int>(text);
  if (!side || *side < 1 || *side > kLargest)
    throw std::invalid_argument(in_quotes(whole) +
                                " is no size: write the shorter side, 256, or a box of height and width, 480x640");
  return *side;
}

/// The size that a picture becomes; its own where it is small enough.
image::Size shrunk(const image::Size& size, const ResizeOptions& options) {
  const double factor = options.width == 0 ? static_cast<double>(options.height) / std::min(size.height, size.width)
                                           : std::min(static_cast<double>(options.height) / size.height,
                                                      static_cast<double>(options.width) / size.width);
  if (factor >= 1) return size;
  const auto side = [&](int pixels) { return std::max(1, static_cast<int>(std::lround(pixels * factor))); };
  return {side(size.height), side(size.width)};
}

}  // namespace

ResizeOptions read_resize(std::string_view text, int quality) {
  const size_t by = text.find('x');
  if (by == text.npos) return {side_of(text, text), 0, quality};
  return {side_of(text.substr(0, by), text), side_of(text.substr(by + 1), text), quality};
}

std::optional<std::string> PictureShrinker::shrink(std::span<const std::byte> file, const ResizeOptions& options) {
  PictureOptions decoding;
  decoding.orientation = Orientation::kExif;
  const image::Size size = decoder_.open(file, decoding), smaller = shrunk(size, options);
  if (smaller == size) return std::nullopt;
  resampler_.start({size, smaller, image::whole(smaller)});
  decoder_.start(resampler_.needed());
  for (image::Strip strip = decoder_.next(); strip.rows > 0; strip = decoder_.next()) resampler_.feed(strip);
  constexpr int kPlanes = 3;
  pixels_.resize(static_cast<size_t>(smaller.height) * static_cast<size_t>(smaller.width) * kPlanes);
  resampler_.finish(kPlanes, pixels_);
  return write_jpeg({pixels_.data(), smaller, kPlanes}, options.quality);
}

}  // namespace millrace::packing
