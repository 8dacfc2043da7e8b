#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/detail/picture_size.h"
#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/image.h"
#include "millrace/sharing/os/owned_fd.h"

namespace millrace::image {

/// Reads the sizes of pictures from the headers of their files, and no pixels. One object serves one thread.
class HeaderReader {
 public:
  /// The size of the picture that is decoded from the file. Throws std::system_error where it cannot be read, and
  /// std::runtime_error where it is no picture.
  Size read(const std::string& path);

  /// The same, or nothing where read() throws.
  std::optional<Size> try_read(const std::string& path);

 private:
  std::span<const std::byte> first(const OwnedFd& file, size_t bytes, const std::string& path);

  const PictureOptions options_;
  ImageDecoder decoder_;
  std::vector<std::byte> buffer_;
};

}  // namespace millrace::image
