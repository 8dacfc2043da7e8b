#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>

#include "millrace/loader/images/image.h"

/// What the readers of single file formats share. Each reader is one pair of files in this folder that uses one library
/// or none; decode.h chooses among them.
namespace millrace::image {

/// One file on its way to pixels. Opening reads the header alone, so that whoever opened it can judge the size before
/// memory of that size is taken. The bytes are used as long as the reader lives.
///
/// Errors are std::runtime_error, made by the three functions below.
class FormatReader {
 public:
  FormatReader() = default;
  virtual ~FormatReader() = default;
  FormatReader(const FormatReader&) = delete;
  FormatReader& operator=(const FormatReader&) = delete;

  virtual Size size() const = 0;

  /// Writes the colours of Pillow's convert("RGB") to `picture`, whose size is size(): palettes are expanded, alpha is
  /// dropped, of 16 bits the upper 8 are taken. To be called once, and not after read_numbers().
  virtual void read_colours(Image& picture) = 0;

  /// Writes one number a pixel, as the file has it: gray values of 8 or 16 bits, or indices into a palette. Throws for
  /// pictures that store colours, and for those whose numbers readers disagree about. To be called once, and not after
  /// read_colours().
  virtual void read_numbers(std::span<uint16_t> numbers) = 0;
};

/// The error "truncated or broken PNG: ...", for files that are either.
inline std::runtime_error broken(const std::string& format, const std::string& reason) {
  return std::runtime_error("truncated or broken " + format + ": " + reason);
}

/// The error for a good file that uses what Millrace leaves out; `what` follows "with", as in "TIFF" and "32-bit
/// floats".
inline std::runtime_error unsupported(const std::string& format, const std::string& what) {
  return std::runtime_error(format + " with " + what +
                            ": Millrace does not read this kind; convert it to 8-bit PNG or JPEG");
}

/// The error for a picture that is no mask; `what` names it, as "a PNG with colours".
inline std::runtime_error no_numbers(const std::string& what) {
  return std::runtime_error(what + ": save it with one channel of 8 bits, such as Image.fromarray(array_of_uint8)");
}

}  // namespace millrace::image
