#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "millrace/loader/image/decode.h"
#include "millrace/loader/image/image.h"
#include "millrace/loader/image/resample.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/loader/transforms/transforms.h"

namespace millrace::transforms {

/// A picture that comes out of its chain with another size than the batch holds.
class ImageSizeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Takes a picture from the bytes of its file through a chain into a row of a batch.
///
/// Lazily: steps first only decide which part of the picture is needed, from the size in its header, and that part
/// alone is decoded and resampled, once. A second resize after a first, borders, a vertical flip and all that changes
/// pixels make it compute what there is and go on from there. The result is as if each step had been done by itself.
///
/// One object serves one thread; it keeps its memory, so that baseline JPEGs cost no allocation once the largest has
/// been seen.
class Renderer {
 public:
  /// Writes chain.output_channels(mode) planes of `size` in the chain's dtype to `row`, which has exactly that many
  /// bytes. All chance is drawn from `rng`, step by step. Throws std::runtime_error for a file that is no good,
  /// ImageSizeError.
  void render(const Chain& chain, std::span<const std::byte> file, ImageMode mode, SampleRng& rng, image::Size size,
              std::span<std::byte> row);

  /// As above, for a picture in memory: one or three uint8 planes of `picture_size`, one behind the other.
  void render(const Chain& chain, std::span<const uint8_t> planes, image::Size picture_size, SampleRng& rng,
              image::Size size, std::span<std::byte> row);

 private:
  class View;

  /// Where the pixels are that the view looks at.
  enum class Source { kFile, kPicture, kPlanes };

  void run(const Chain& chain, View view, SampleRng& rng, image::Size size, std::span<std::byte> row);
  template <class Consumer>
  void read(const image::Box& region, Consumer&& consume);
  void write_planes(const View& view, std::span<uint8_t> planes);
  image::Planes pixels(View& view);
  void pack(image::Size size);
  void pad(View& view, const image::Borders& borders, PadMode mode, std::span<const uint8_t> fill);
  void make_gray(View& view, int output_channels);
  void jitter(View& view, const ColorJitter::Drawn& drawn);

  int channels_ = 3;
  Source source_ = Source::kFile;
  image::ImageDecoder decoder_;
  image::Resampler resampler_;
  image::Image picture_;
  std::vector<uint8_t> planes_;
  std::vector<uint8_t> other_planes_;  // What a step makes of planes_, before they change places.
  std::vector<float> scratch_;
};

}  // namespace millrace::transforms
