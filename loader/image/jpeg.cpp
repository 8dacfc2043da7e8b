#include "millrace/loader/image/jpeg.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

// After <cstdio>, which they need and do not include.
#include <jerror.h>
#include <jpeglib.h>

namespace millrace::image {
namespace {

/// Rows per strip: a multiple of what the resampler takes at once and of an iMCU row, small enough for the L1 or L2
/// cache.
constexpr int kStripRows = 16;

/// Fancy upsampling computes a pixel from its neighbours' chroma, so pixels this close to the cut differ from those of
/// a full decode. Two would do; the cut on the left is at a multiple of an iMCU anyhow.
constexpr int kMargin = 2;

/// libjpeg drops fancy upsampling for rows of fewer than three chroma samples, so a cut may not leave so few.
constexpr int kMinDecodedWidth = 8;

struct ErrorManager {
  jpeg_error_mgr base;  // First, so that libjpeg's pointer to it is a pointer to this.
  std::jmp_buf jump;
  std::array<char, JMSG_LENGTH_MAX> text;
};

ErrorManager& manager_of(j_common_ptr info) { return *reinterpret_cast<ErrorManager*>(info->err); }

[[noreturn]] void fail(j_common_ptr info) {
  ErrorManager& manager = manager_of(info);
  manager.base.format_message(info, manager.text.data());
  std::longjmp(manager.jump, 1);
}

/// True for the warnings after which libjpeg goes on with pixels that it made up.
bool loses_pixels(int code) {
  switch (code) {
    case JWRN_HIT_MARKER:
    case JWRN_HUFF_BAD_CODE:
    case JWRN_JPEG_EOF:
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
      return true;
    default:
      return false;
  }
}

void on_message(j_common_ptr info, int level) {
  if (level < 0 && loses_pixels(info->err->msg_code)) fail(info);
}

/// The end-of-image marker cannot occur inside entropy-coded data. Without this check a file cut off below the region
/// would pass or fail depending on the crop that was drawn.
bool ends_properly(const jpeg_source_mgr& source) {
  const auto* begin = source.next_input_byte;
  for (const auto* end = begin + source.bytes_in_buffer; end - begin >= 2; --end) {
    if (end[-1] == JPEG_EOI && end[-2] == 0xFF) return true;
  }
  return false;
}

}  // namespace

struct JpegReader::State {
  jpeg_decompress_struct info{};
  ErrorManager errors{};
  std::vector<uint8_t> pixels;
  std::vector<uint8_t> gray_row;
  int left = 0;  // Of the region, in the decoded row.
  int width = 0;
  int rows_left = 0;

  State() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = fail;
    errors.base.emit_message = on_message;
    guarded([this] { jpeg_create_decompress(&info); });
  }
  ~State() { jpeg_destroy_decompress(&info); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  /// Runs calls of libjpeg and turns its error exit into an exception. `calls` must own nothing: it is left by longjmp.
  template <class Calls>
  void guarded(const Calls& calls) {
    if (setjmp(errors.jump) != 0) throw_last_error();
    calls();
  }

  [[noreturn]] void throw_last_error() {
    const bool ended = errors.base.msg_code == JWRN_JPEG_EOF || errors.base.msg_code == JERR_INPUT_EOF ||
                       errors.base.msg_code == JWRN_HIT_MARKER;
    const std::string reason = errors.text.data();
    jpeg_abort_decompress(&info);
    throw std::runtime_error((ended ? "truncated JPEG: " : "broken JPEG: ") + reason);
  }
};

JpegReader::JpegReader() : state_(std::make_unique<State>()) {}
JpegReader::~JpegReader() = default;

std::optional<Size> JpegReader::open(std::span<const std::byte> file) {
  State& state = *state_;
  jpeg_decompress_struct& info = state.info;
  state.guarded([&] {
    jpeg_abort_decompress(&info);
    jpeg_mem_src(&info, reinterpret_cast<const unsigned char*>(file.data()), file.size());
    jpeg_read_header(&info, TRUE);
  });
  if (!ends_properly(*info.src)) throw std::runtime_error("truncated JPEG: no end-of-image marker");
  if (info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK) return std::nullopt;
  return Size{static_cast<int>(info.image_height), static_cast<int>(info.image_width)};
}

void JpegReader::start(const Box& region, ImageMode mode) {
  State& state = *state_;
  jpeg_decompress_struct& info = state.info;
  state.guarded([&] {
    info.out_color_space = mode == ImageMode::kRGB ? JCS_EXT_RGBX : JCS_GRAYSCALE;
    jpeg_start_decompress(&info);
    const int image_width = static_cast<int>(info.output_width);
    const int mcu_width = info.max_h_samp_factor * DCTSIZE;
    const int right = std::min(image_width, std::max(region.x + region.width + kMargin, kMinDecodedWidth));
    int left = std::max(0, region.x - kMargin) / mcu_width * mcu_width;
    if (right - left < kMinDecodedWidth) left = std::max(0, left - mcu_width);
    if (left > 0 || right < image_width) {
      JDIMENSION x = static_cast<JDIMENSION>(left);
      JDIMENSION width = static_cast<JDIMENSION>(right - left);
      jpeg_crop_scanline(&info, &x, &width);
      left = static_cast<int>(x);
    }
    if (region.y > 0) jpeg_skip_scanlines(&info, static_cast<JDIMENSION>(region.y));
    state.left = region.x - left;
  });
  state.width = region.width;
  state.rows_left = region.height;
  const size_t row_bytes = static_cast<size_t>(info.output_width) * kPixelBytes;
  if (state.pixels.size() < row_bytes * kStripRows + kReadSlack)
    state.pixels.resize(row_bytes * kStripRows + kReadSlack);
  if (mode == ImageMode::kGray && state.gray_row.size() < info.output_width) state.gray_row.resize(info.output_width);
}

Strip JpegReader::next() {
  State& state = *state_;
  jpeg_decompress_struct& info = state.info;
  const int rows = std::min(kStripRows, state.rows_left);
  if (rows == 0) return {};
  const size_t stride = static_cast<size_t>(info.output_width) * kPixelBytes;
  uint8_t* const pixels = state.pixels.data();

  if (info.out_color_space == JCS_GRAYSCALE) {
    uint8_t* const gray = state.gray_row.data();
    state.guarded([&] {
      for (int y = 0; y < rows; ++y) {
        JSAMPROW row = gray;
        jpeg_read_scanlines(&info, &row, 1);
        uint8_t* const out = pixels + static_cast<size_t>(y) * stride;
        for (size_t x = 0; x < info.output_width; ++x) std::memset(out + x * kPixelBytes, gray[x], kPixelBytes);
      }
    });
  } else {
    state.guarded([&] {
      std::array<JSAMPROW, kStripRows> row_pointers;
      for (int y = 0; y < rows; ++y) row_pointers[static_cast<size_t>(y)] = pixels + static_cast<size_t>(y) * stride;
      for (int y = 0; y < rows;) {
        y += static_cast<int>(jpeg_read_scanlines(&info, row_pointers.data() + y, static_cast<JDIMENSION>(rows - y)));
      }
    });
  }
  state.rows_left -= rows;
  // What lies below the region is not read.
  if (state.rows_left == 0) state.guarded([&] { jpeg_abort_decompress(&info); });
  return {pixels + static_cast<size_t>(state.left) * kPixelBytes, stride, rows};
}

}  // namespace millrace::image
