#include "millrace/loader/images/jpeg.h"

#include <algorithm>
#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

// After <cstdio>, which they need and do not include.
#include <jerror.h>
#include <jpeglib.h>

#include "millrace/loader/detail/damaged_jpegs.h"
#include "millrace/loader/images/pixel.h"
#include "millrace/loader/images/room.h"
#include "millrace/sharing/os/round_up.h"

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

/// libjpeg-turbo's colour conversion writes rows that are aligned to a vector past the cache, straight to memory, from
/// where we would have to fetch them again. So rows begin this far behind a multiple of kRowAlignment.
constexpr size_t kMisalignment = 8;
constexpr size_t kRowAlignment = 64;

/// libjpeg-turbo's fast entropy decoder runs only while this many bytes follow: 512 for each of at most 10 blocks of an
/// MCU. So the file gets as many zeros behind its end, or its last tenth would be decoded slowly.
constexpr size_t kFilePadding = 5120;

/// The most bytes for the coefficients of a progressive file: two for each of four components, rows and columns rounded
/// up to whole MCUs.
constexpr long kMaxCoefficientBytes = 64L << 20;
constexpr long kMaxCoefficientBytesPerPixel = 16;

struct ErrorManager {
  jpeg_error_mgr base;  // First, so that libjpeg's pointer to it is a pointer to this.
  std::jmp_buf jump;
  std::array<char, JMSG_LENGTH_MAX> text;
  DamagedJpegs damaged = DamagedJpegs::kRefuse;
  bool has_lost_pixels = false;
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
    case JWRN_MUST_RESYNC:
    case JWRN_NOT_SEQUENTIAL:
      return true;
    default:
      return false;
  }
}

/// True for errors that say nothing against the file: lossless JPEG, 12 bits, other numbers of components.
bool is_unknown_kind(int code) {
  switch (code) {
    case JERR_SOF_UNSUPPORTED:
    case JERR_BAD_PRECISION:
    case JERR_ARITH_NOTIMPL:
    case JERR_CONVERSION_NOTIMPL:
    case JERR_COMPONENT_COUNT:
      return true;
    default:
      return false;
  }
}

void on_message(j_common_ptr info, int level) {
  if (level >= 0) return;
  ErrorManager& manager = manager_of(info);
  const int code = info->err->msg_code;
  if (code == JWRN_JPEG_EOF || (loses_pixels(code) && manager.damaged == DamagedJpegs::kRefuse)) fail(info);
  manager.has_lost_pixels |= loses_pixels(code);
}

/// libjpeg's memory for one picture: handed out from one piece that stays between pictures. Its own manager returns
/// everything to malloc after each, and malloc at times to the system, whose page faults then cost as much as a tenth
/// of the decoding. What progressive files need for their coefficients still comes from libjpeg's manager.
///
/// REQUIRES: install() after jpeg_create_decompress; info.client_data is the arena's from then on.
class PictureArena {
 public:
  void install(jpeg_decompress_struct& info) {
    libjpeg_ = *info.mem;
    info.client_data = this;
    info.mem->alloc_small = allocate;
    info.mem->alloc_large = allocate;
    info.mem->alloc_sarray = allocate_rows;
    info.mem->free_pool = free_pool;
  }

 private:
  /// The alignment of libjpeg-turbo's memory for SIMD, which also writes whole vectors at the end of a row.
  static constexpr size_t kAlignment = 64;

  static PictureArena& of(j_common_ptr info) { return *static_cast<PictureArena*>(info->client_data); }

  static void* allocate(j_common_ptr info, int pool, size_t bytes) {
    if (pool != JPOOL_IMAGE) return of(info).libjpeg_.alloc_small(info, pool, bytes);
    return of(info).take(info, bytes);
  }

  static JSAMPARRAY allocate_rows(j_common_ptr info, int pool, JDIMENSION width, JDIMENSION height) {
    if (pool != JPOOL_IMAGE) return of(info).libjpeg_.alloc_sarray(info, pool, width, height);
    const size_t stride = aligned(width);
    auto* const rows = static_cast<JSAMPARRAY>(of(info).take(info, height * sizeof(JSAMPROW)));
    auto* const samples = static_cast<JSAMPLE*>(of(info).take(info, height * stride));
    for (size_t y = 0; y < height; ++y) rows[y] = samples + y * stride;
    return rows;
  }

  static void free_pool(j_common_ptr info, int pool) {
    if (pool == JPOOL_IMAGE) of(info).reset();
    of(info).libjpeg_.free_pool(info, pool);
  }

  static size_t aligned(size_t bytes) { return round_up(bytes, kAlignment); }

  void* take(j_common_ptr info, size_t bytes) {
    bytes = aligned(bytes);
    if (count_ == 0 || bytes > chunks_[count_ - 1].bytes - used_) add_chunk(info, bytes);
    return chunks_[count_ - 1].memory.get() + std::exchange(used_, used_ + bytes);
  }

  /// Frees the memory of a picture. Where that needed several pieces, the next picture finds one as large as all of
  /// them.
  void reset() {
    used_ = 0;
    if (count_ <= 1) return;
    smallest_chunk_ = total_;
    total_ = 0;
    while (count_ > 0) chunks_[--count_] = {};
  }

  /// Called by libjpeg, so it fails by libjpeg's error exit, with nothing on the stack that has a destructor.
  void add_chunk(j_common_ptr info, size_t bytes) {
    bytes = std::max({bytes, smallest_chunk_, total_});
    void* const memory = count_ < chunks_.size() ? std::aligned_alloc(kAlignment, bytes) : nullptr;
    if (!memory) {
      info->err->msg_code = JERR_OUT_OF_MEMORY;
      info->err->msg_parm.i[0] = 0;
      info->err->error_exit(info);
    }
    chunks_[count_].memory.reset(static_cast<std::byte*>(memory));
    chunks_[count_].bytes = bytes;
    ++count_;
    total_ += bytes;
    used_ = 0;
  }

  struct Free {
    void operator()(std::byte* memory) const { std::free(memory); }
  };
  struct Chunk {
    std::unique_ptr<std::byte, Free> memory;
    size_t bytes = 0;
  };

  jpeg_memory_mgr libjpeg_{};
  std::array<Chunk, 40> chunks_;  // Each at least as large as all before it, so these are enough for any picture.
  size_t count_ = 0;
  size_t used_ = 0;  // Bytes used of the last chunk.
  size_t total_ = 0;
  size_t smallest_chunk_ = size_t{1} << 18;
};

/// The end-of-image marker cannot occur inside entropy-coded data. Without this check a file cut off below the region
/// would pass or fail depending on the crop that was drawn.
bool ends_properly(std::span<const unsigned char> data) {
  for (size_t end = data.size(); end >= 2; --end) {
    if (data[end - 1] == JPEG_EOI && data[end - 2] == 0xFF) return true;
  }
  return false;
}

/// Inverted inks of a row become its colours, or their luma.
void inks_to_colours(uint8_t* row, size_t width, ImageMode mode) {
  for (uint8_t* pixel = row; pixel != row + width * kPixelBytes; pixel += kPixelBytes) {
    for (int i = 0; i < kPixelBytes; ++i) pixel[i] = static_cast<uint8_t>(255 - pixel[i]);
    ink_to_colours(pixel, pixel);
    if (mode == ImageMode::kGray) std::memset(pixel, luma(pixel), kPixelBytes);
  }
}

}  // namespace

struct JpegReader::State {
  jpeg_decompress_struct info{};
  ErrorManager errors{};
  PictureArena arena;
  Room<unsigned char> file;
  Room<uint8_t> buffer;
  uint8_t* rows = nullptr;  // The buffer's kStripRows rows.
  size_t stride = 0;
  std::vector<uint8_t> gray_row;
  ImageMode mode = ImageMode::kRGB;
  int left = 0;  // The region's left edge in the decoded row.
  int rows_left = 0;

  State() {
    info.err = jpeg_std_error(&errors.base);
    errors.base.error_exit = fail;
    errors.base.emit_message = on_message;
    guarded([this] { jpeg_create_decompress(&info); });
    arena.install(info);
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
    if (is_unknown_kind(errors.base.msg_code))
      throw std::runtime_error("JPEG of a kind that libjpeg does not read (" + reason + "); convert it to PNG");
    throw std::runtime_error((ended ? "truncated JPEG: " : "broken JPEG: ") + reason);
  }
};

JpegReader::JpegReader() : state_(std::make_unique<State>()) {}
JpegReader::~JpegReader() = default;

Size JpegReader::open(std::span<const std::byte> file, DamagedJpegs damaged) {
  State& state = *state_;
  state.errors.damaged = damaged;
  state.errors.has_lost_pixels = false;
  jpeg_decompress_struct& info = state.info;
  const auto* const data = reinterpret_cast<const unsigned char*>(file.data());
  const auto require_end = [&](size_t from) {
    if (from > file.size() || !ends_properly({data + from, file.size() - from}))
      throw std::runtime_error("truncated JPEG: no end-of-image marker");
  };
  require_end(0);
  const size_t padded = file.size() + kFilePadding;
  unsigned char* const copy = state.file.at_least(padded);
  std::memcpy(copy, data, file.size());
  std::memset(copy + file.size(), 0, kFilePadding);
  state.guarded([&] {
    jpeg_abort_decompress(&info);
    jpeg_mem_src(&info, copy, padded);
    jpeg_read_header(&info, TRUE);
  });
  require_end(padded - info.src->bytes_in_buffer);  // A thumbnail in the header has an end of its own.
  return Size{static_cast<int>(info.image_height), static_cast<int>(info.image_width)};
}

void JpegReader::start(const Box& region, ImageMode mode) {
  State& state = *state_;
  jpeg_decompress_struct& info = state.info;
  state.mode = mode;
  const bool inks = info.jpeg_color_space == JCS_CMYK || info.jpeg_color_space == JCS_YCCK;
  const long pixels = static_cast<long>(info.image_width) * static_cast<long>(info.image_height);
  info.mem->max_memory_to_use = kMaxCoefficientBytes + kMaxCoefficientBytesPerPixel * pixels;
  state.guarded([&] {
    info.out_color_space = inks ? JCS_CMYK : mode == ImageMode::kRGB ? JCS_EXT_RGBX : JCS_GRAYSCALE;
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
  state.rows_left = region.height;
  state.stride = round_up(static_cast<size_t>(info.output_width) * kPixelBytes, kRowAlignment);
  const size_t bytes = state.stride * kStripRows + kRowAlignment + kMisalignment + kReadSlack;
  uint8_t* const buffer = state.buffer.at_least(bytes);
  const auto address = reinterpret_cast<uintptr_t>(buffer);
  state.rows = buffer + (round_up(address, kRowAlignment) - address) + kMisalignment;
  if (mode == ImageMode::kGray && state.gray_row.size() < info.output_width) state.gray_row.resize(info.output_width);
}

Strip JpegReader::next() {
  State& state = *state_;
  jpeg_decompress_struct& info = state.info;
  const int rows = std::min(kStripRows, state.rows_left);
  if (rows == 0) return {};
  const size_t stride = state.stride;
  uint8_t* const pixels = state.rows;

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
  if (info.out_color_space == JCS_CMYK) {
    for (int y = 0; y < rows; ++y)
      inks_to_colours(pixels + static_cast<size_t>(y) * stride, info.output_width, state.mode);
  }
  state.rows_left -= rows;
  // What lies below the region is not read.
  if (state.rows_left == 0) {
    state.guarded([&] { jpeg_abort_decompress(&info); });
    damaged_jpegs_read += std::exchange(state.errors.has_lost_pixels, false);
  }
  return {pixels + static_cast<size_t>(state.left) * kPixelBytes, stride, rows};
}

}  // namespace millrace::image
