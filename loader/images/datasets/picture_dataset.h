#pragma once

#include <cstdint>
#include <utility>

#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/picture_pipeline.h"
#include "millrace/loader/images/transforms/transforms.h"

namespace millrace {

/// The settings for the pictures of every dataset that reads them from files. Each call gives a new dataset with one
/// setting changed, and leaves this one as it is.
template <class Dataset>
class PictureDataset {
 public:
  /// The dataset with `chain` behind the present transform.
  Dataset transform(transforms::Chain chain) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.chain = pictures.chain | std::move(chain); });
  }

  /// The dataset with pictures decoded to `mode`, by default kRGB.
  Dataset mode(ImageMode mode) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.mode = mode; });
  }

  /// The dataset with pixels of `type`, by default kUInt8. kUInt16 and kFloat32 keep all 16 bits of deep pictures. They
  /// need pictures of one channel (mode kGray) in a lossless format, and only crops, flips, constant borders and
  /// resizes as transforms.
  Dataset pixel_type(PixelType type) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.pixel_type = type; });
  }

  /// The dataset with pictures turned the right way up by their EXIF data, or with pictures as they are stored, the
  /// default.
  Dataset orientation(Orientation orientation) const {
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.orientation = orientation; });
  }

  /// The dataset with pictures of at most `max_pixels` pixels, by default kMaxPixels; a larger one is an error. Throws
  /// std::invalid_argument for less than one.
  Dataset max_pixels(int64_t max_pixels) const {
    require_max_pixels(max_pixels);
    return with([&](transforms::PicturePipeline& pictures) { pictures.options.max_pixels = max_pixels; });
  }

  /// The dataset with JPEGs whose entropy code is corrupt read, or refused, the default. A JPEG that ends early is
  /// refused either way; one that libjpeg warns of without a pixel lost is read either way.
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
