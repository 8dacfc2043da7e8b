#include "millrace/packing/jpeg_writer.h"

#include <array>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <vector>

// After <cstdio>, which it needs and does not include.
#include <jpeglib.h>

#include "millrace/sharing/os/round_up.h"

namespace millrace::packing {
namespace {

struct WriterErrors {
  jpeg_error_mgr base;  // First, so that libjpeg's pointer to it is a pointer to this.
  std::jmp_buf jump;
  std::array<char, JMSG_LENGTH_MAX> text;
};

[[noreturn]] void fail_to_write(j_common_ptr info) {
  auto& errors = *reinterpret_cast<WriterErrors*>(info->err);
  errors.base.format_message(info, errors.text.data());
  std::longjmp(errors.jump, 1);
}

/// More than any JPEG of that size has, so that libjpeg need not allocate.
size_t most_jpeg_bytes(const image::Size& size) {
  constexpr size_t kBlockSide = 16, kBytesPerPixel = 4, kHeaders = 4096;
  return round_up(static_cast<size_t>(size.height), kBlockSide) *
             round_up(static_cast<size_t>(size.width), kBlockSide) * kBytesPerPixel +
         kHeaders;
}

/// What libjpeg writes to, and from.
struct Buffers {
  unsigned char* file;
  unsigned long file_bytes;
  JSAMPLE* row;
};

/// False where libjpeg failed. A function of its own, since longjmp() passes over no destructor here.
bool compress(jpeg_compress_struct& info, WriterErrors& errors, const image::Planes& picture, int quality,
              Buffers& buffers) {
  if (setjmp(errors.jump) != 0) return false;
  jpeg_create_compress(&info);
  jpeg_mem_dest(&info, &buffers.file, &buffers.file_bytes);
  info.image_width = static_cast<JDIMENSION>(picture.size.width);
  info.image_height = static_cast<JDIMENSION>(picture.size.height);
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  info.optimize_coding = TRUE;
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    JSAMPLE* to = buffers.row;
    for (int x = 0; x < picture.size.width; ++x)
      for (int channel = 0; channel < 3; ++channel)
        *to++ = picture.row(channel, static_cast<int>(info.next_scanline))[x];
    jpeg_write_scanlines(&info, &buffers.row, 1);
  }
  jpeg_finish_compress(&info);
  return true;
}

}  // namespace

std::string write_jpeg(const image::Planes& picture, int quality) {
  std::string file(most_jpeg_bytes(picture.size), '\0');
  std::vector<JSAMPLE> row(static_cast<size_t>(picture.size.width) * 3);
  Buffers buffers{reinterpret_cast<unsigned char*>(file.data()), file.size(), row.data()};
  jpeg_compress_struct info{};
  WriterErrors errors{};
  info.err = jpeg_std_error(&errors.base);
  errors.base.error_exit = fail_to_write;
  const bool is_written = compress(info, errors, picture, quality, buffers);
  jpeg_destroy_compress(&info);
  if (!is_written) throw std::runtime_error("cannot write a JPEG: " + std::string(errors.text.data()));
  file.resize(buffers.file_bytes);
  return file;
}

}  // namespace millrace::packing
