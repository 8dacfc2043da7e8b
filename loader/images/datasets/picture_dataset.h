#pragma once

#include <cstdint>
#include <utility>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/picture_pipeline.h"
#include "millrace/loader/images/transforms/transforms.h"

namespace millrace {

/// What may be said about the pictures of every dataset that reads them from files. Each call gives the same dataset,
/// as a new value, but for what is said.
template <class Dataset>
class PictureDataset {
 public:
  /// With `chain` behind the present transform.
  Dataset transform(transforms::Chain chain) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.chain = pictures.chain | std::move(chain); });
  }

  /// With pictures decoded to `mode`, kRGB unless said otherwise.
  Dataset mode(ImageMode mode) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.mode = mode; });
  }

  /// With pixels of `type`, kUInt8 unless said otherwise. The others keep all 16 bits of deep pictures: these have one
  /// channel (mode kGray) and a lossless format, and go through crops, flips, constant borders and resizes alone.
  Dataset pixel_type(PixelType type) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.pixel_type = type; });
  }

  /// With pictures turned the right way up by their EXIF data, or not, as is the default.
  Dataset orientation(Orientation orientation) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.orientation = orientation; });
  }

  /// With pictures of up to so many pixels, kMaxPixels unless said otherwise; a larger one is an error. Throws
  /// std::invalid_argument for less than one.
  Dataset max_pixels(int64_t max_pixels) const {
    require_max_pixels(max_pixels);
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.max_pixels = max_pixels; });
  }

  /// With JPEGs whose entropy code is corrupt read, or refused, as is the default. One that ends early is refused
  /// either way, one that libjpeg warns of without a pixel lost is read.
  Dataset damaged_jpegs(DamagedJpegs damaged) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.damaged_jpegs = damaged; });
  }

  const transforms::Chain& chain() const { return pictures_.chain; }

 protected:
  transforms::PicturePipeline pictures_;

 private:
  template <class Change>
  Dataset with(Change change) const {
    Dataset changed = static_cast<const Dataset&>(*this);
    change(static_cast<PictureDataset&>(changed).pictures_);
    return changed;
  }
};

}  // namespace millrace
