#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <vector>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/canvas.h"
#include "millrace/loader/images/transforms/targets.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/loader/sample_rng.h"

namespace millrace::transforms {

/// A picture that comes out of its chain with another size than the batch holds.
class ImageSizeError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Throws ImageSizeError for a picture of size `come_out` where the batch holds `held`.
void require_size(image::Size come_out, image::Size held);

/// Throws std::runtime_error for masks of another size than the picture that they belong to.
void require_masks_of(image::Size picture, const Targets& targets);

/// Writes the picture on the canvas, behind the pixel_steps() of its chain, through the float_steps() to `row`, which
/// has as many bytes as its planes of `size` in the chain's dtype. Throws ImageSizeError.
void write_row(Canvas& canvas, std::span<const Step> float_steps, image::Size size, SampleRng& rng,
               std::span<std::byte> row);

/// Takes a picture from the bytes of its file through a chain into a row of a batch, and its boxes and masks along with
/// it.
///
/// The work is lazy. At first, steps only decide which part of the picture is needed, from the size in its header, and
/// that part alone is decoded and resampled, once. A second resize after a first, borders, a vertical flip and all that
/// changes pixels make it compute what there is and go on from there. The result is as if each step had been done by
/// itself.
///
/// One object serves one thread; it keeps its memory, so that baseline JPEGs cost no allocation once the largest has
/// been seen.
class Renderer {
 public:
  /// Writes chain.output_channels(options.mode) planes of `size` in the chain's dtype to `row`, which has exactly that
  /// many bytes. All random numbers come from `rng`, step by step. Throws std::runtime_error for a file that is no
  /// good, ImageSizeError.
  void render(const Chain& chain, std::span<const std::byte> file, const PictureOptions& options, SampleRng& rng,
              image::Size size, std::span<std::byte> row);

  /// Renders a picture with `targets`: they belong to the picture in the file before, and to the one in `row`
  /// afterwards; see targets.h. Throws as render() without targets, and std::runtime_error for masks of another size
  /// than the picture and for a Lambda that changes the shape, since nobody knows where it moves them.
  void render(const Chain& chain, std::span<const std::byte> file, const PictureOptions& options, SampleRng& rng,
              image::Size size, std::span<std::byte> row, Targets& targets);

  /// Renders a picture in memory: one or three uint8 planes of `picture_size`, one behind the other.
  void render(const Chain& chain, std::span<const uint8_t> planes, image::Size picture_size, SampleRng& rng,
              image::Size size, std::span<std::byte> row);

 private:
  void run(const Chain& chain, SampleRng& rng, image::Size size, std::span<std::byte> row, Targets& targets);

  Canvas canvas_;
  Targets no_targets_;
  Scratch scratch_;
};

}  // namespace millrace::transforms
