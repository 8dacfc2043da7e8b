#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "millrace/loader/images/image.h"

namespace millrace::image {

/// Decodes a region of a JPEG, and no more of the file than that region needs: rows above it are skipped without
/// inverse DCT, columns beside it likewise, and nothing is read below it. The pixels are those of a full decode, bit
/// for bit (accurate DCT, fancy upsampling: libjpeg's defaults, which torchvision and PIL use too). Baseline and
/// progressive.
///
/// The EXIF orientation is ignored, as torchvision's decode_jpeg and ImageFolder do unless asked.
///
/// One object serves one thread for any number of files; it keeps libjpeg's state and its row buffer between them.
/// Errors are std::runtime_error with libjpeg's reason; kinds of JPEG that it does not know are not called broken. What
/// libjpeg only warns of is an error too when pixels are lost or invented (a truncated file, a corrupt entropy code),
/// unless DamagedJpegs::kRead says otherwise; stray bytes between segments are not.
class JpegReader {
 public:
  JpegReader();
  ~JpegReader();
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  /// Reads the header, for which nothing of the picture's size is allocated. Copies the bytes.
  Size open(std::span<const std::byte> file, DamagedJpegs damaged = DamagedJpegs::kRefuse);

  /// Begins to decode `region`, which must lie inside the picture. REQUIRES: open() just gave a size.
  void start(const Box& region, ImageMode mode);

  /// The next rows of the region, valid until the following call; no rows after the last.
  Strip next();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millrace::image
