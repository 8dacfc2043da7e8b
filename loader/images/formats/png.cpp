#include "millrace/loader/images/formats/png.h"

#include <png.h>

#include <array>
#include <csetjmp>
#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

namespace millrace::image {
namespace {

/// A chunk other than the pixels may take that much (libpng's default too), and there may be so many.
constexpr png_alloc_size_t kMaxPngChunkBytes = 8'000'000;
constexpr png_uint_32 kMaxChunks = 1000;

class PngReader final : public FormatReader {
 public:
  explicit PngReader(std::span<const std::byte> file) : rest_(file) {
    png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
    if (png_) info_ = png_create_info_struct(png_);
    if (!info_) throw std::bad_alloc();
  }
  ~PngReader() override { png_destroy_read_struct(&png_, &info_, nullptr); }

  void read_header() {
    guarded([this] {
      png_set_read_fn(png_, this, read);
      // The limits of width and height are the caller's, who knows the size before any row is allocated.
      png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
      png_set_chunk_cache_max(png_, kMaxChunks);
      png_set_chunk_malloc_max(png_, kMaxPngChunkBytes);
      // Profiles, texts and what else does not change the pixels are not even decompressed.
      png_set_keep_unknown_chunks(png_, PNG_HANDLE_CHUNK_NEVER, nullptr, -1);
      png_read_info(png_, info_);
    });
  }

  Size size() const override {
    return {static_cast<int>(png_get_image_height(png_, info_)), static_cast<int>(png_get_image_width(png_, info_))};
  }

  void read_colours(Image& picture) override {
    const int colour_type = png_get_color_type(png_, info_);
    guarded([&] {
      if (colour_type == PNG_COLOR_TYPE_PALETTE) png_set_palette_to_rgb(png_);
      if (colour_type == PNG_COLOR_TYPE_GRAY) png_set_expand_gray_1_2_4_to_8(png_);
      if ((colour_type & PNG_COLOR_MASK_COLOR) == 0) png_set_gray_to_rgb(png_);
      png_set_strip_16(png_);
      png_set_strip_alpha(png_);
      png_set_filler(png_, 0xFF, PNG_FILLER_AFTER);
    });
    rows_.clear();
    for (int y = 0; y < picture.size().height; ++y) rows_.push_back(picture.row(y));
    read_rows(picture.stride());
  }

  void read_numbers(std::span<uint16_t> numbers) override {
    const int colour_type = png_get_color_type(png_, info_);
    const int depth = png_get_bit_depth(png_, info_);
    const bool indices = colour_type == PNG_COLOR_TYPE_PALETTE;
    if (!indices && colour_type != PNG_COLOR_TYPE_GRAY) throw no_numbers("a PNG with colours or alpha");
    if (!indices && depth < 8)
      throw no_numbers("a PNG of " + std::to_string(depth) + (depth == 1 ? " bit" : " bits") + " a pixel");
    guarded([&] {
      if (indices) png_set_packing(png_);
      if (depth == 16) png_set_swap(png_);
    });
    const auto [height, width] = size();
    // Rows of bytes go to the second half of the memory of their numbers, and are widened from its beginning.
    const size_t bytes = depth == 16 ? sizeof(uint16_t) : 1;
    const size_t stride = static_cast<size_t>(width) * bytes;
    auto* const begin = reinterpret_cast<png_bytep>(numbers.data()) + (numbers.size_bytes() - numbers.size() * bytes);
    rows_.clear();
    for (int y = 0; y < height; ++y) rows_.push_back(begin + static_cast<size_t>(y) * stride);
    read_rows(stride);
    if (bytes == 1) {
      for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = begin[i];
    }
  }

 private:
  /// Runs calls of libpng and turns its error exit into an exception. `calls` must own nothing: it is left by longjmp.
  template <class Calls>
  void guarded(const Calls& calls) {
    if (setjmp(jump_) != 0) throw broken("PNG", text_.data());
    calls();
  }

  /// REQUIRES: rows_ lead to memory for rows of `stride` bytes.
  void read_rows(size_t stride) {
    size_t expected = 0;
    guarded([&] {
      png_set_interlace_handling(png_);
      png_read_update_info(png_, info_);
      expected = png_get_rowbytes(png_, info_);
      if (expected == stride) png_read_image(png_, rows_.data());
    });
    if (expected != stride) throw std::logic_error("libpng gives rows of another length than asked for");
  }

  [[noreturn]] static void on_error(png_structp png, png_const_charp text) {
    auto& self = *static_cast<PngReader*>(png_get_error_ptr(png));
    std::snprintf(self.text_.data(), self.text_.size(), "%s", text);
    std::longjmp(self.jump_, 1);
  }

  /// Ignores warnings: what libpng only warns of costs no pixel.
  static void on_warning(png_structp, png_const_charp) {}

  static void read(png_structp png, png_bytep out, size_t bytes) {
    auto& self = *static_cast<PngReader*>(png_get_io_ptr(png));
    if (bytes > self.rest_.size()) png_error(png, "the file ends too early");
    std::memcpy(out, self.rest_.data(), bytes);
    self.rest_ = self.rest_.subspan(bytes);
  }

  std::span<const std::byte> rest_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  std::vector<png_bytep> rows_;
  std::jmp_buf jump_;
  std::array<char, 128> text_{};
};

}  // namespace

std::unique_ptr<FormatReader> open_png(std::span<const std::byte> file) {
  auto reader = std::make_unique<PngReader>(file);
  reader->read_header();
  return reader;
}

}  // namespace millrace::image
