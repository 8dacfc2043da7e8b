#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "millrace/loader/images/affine.h"
#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/image.h"
#include "millrace/loader/images/planes.h"
#include "millrace/loader/images/resample.h"
#include "millrace/loader/images/room.h"
#include "millrace/loader/images/transforms/moved_picture.h"
#include "millrace/loader/images/transforms/view.h"

namespace millrace::transforms {

/// A picture on its way from the bytes of its file, or from memory, to a batch. Crops, horizontal flips and a resize
/// only change what will be looked at. pixels() makes the canvas compute what there is, from the part of the file that
/// is needed, and go on from there. The results are as if everything had been computed at once.
///
/// One object serves one thread and keeps its memory. Throws std::runtime_error for pictures that become too large.
class Canvas final : public Movable {
 public:
  /// Takes the picture in `file`, whose bytes are used until the first pixels are computed.
  void open(std::span<const std::byte> file, const PictureOptions& options);

  /// Takes a picture in memory: one or three planes of `size`, one behind the other, which are copied.
  void open(std::span<const uint8_t> planes, image::Size size);

  image::Size size() const override { return view_.size(); }
  int channels() const { return channels_; }

  void crop(const image::Box& box) override { view_.crop(box); }
  void flip_horizontal() override { view_.flip(); }
  void flip_vertical() override;
  void resize(image::Size target, image::ResizeFilter filter) override;

  /// Adds borders. Throws std::invalid_argument as image::pad() does.
  void pad(const image::Borders& borders, image::PadMode mode, std::span<const uint8_t> fill) override;

  /// Moves the picture as image::transform_affine() does.
  void transform_affine(const image::Affine& affine, image::Interpolation interpolation, std::span<const uint8_t> fill);

  /// The picture as it is now, to be changed in place. Valid until the next call of any other method than size() and
  /// channels().
  image::Planes pixels();

  /// Memory for another picture, which replace() puts in the place of the present one. It is valid until then, and so
  /// are the present pixels().
  image::Planes other(image::Size size, int channels);
  void replace();

  /// Writes the picture to `planes`, channels() x height x width.
  void write(std::span<uint8_t> planes);

 private:
  /// Where the pixels are that the view looks at: in the file, in the decoded picture, or in the planes.
  enum class Source { kFile, kPicture, kPlanes };

  template <class Consumer>
  void read(const image::Box& region, Consumer&& consume);
  void compute(std::span<uint8_t> planes);
  void pack();

  int channels_ = 3;
  Source source_ = Source::kFile;
  View view_;
  image::ImageDecoder decoder_;
  image::Resampler resampler_;
  image::Image picture_;
  image::Room<uint8_t> planes_;
  image::Room<uint8_t> other_planes_;
  image::Size other_size_;
  int other_channels_ = 0;
};

}  // namespace millrace::transforms
