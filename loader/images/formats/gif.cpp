#include "millrace/loader/images/formats/gif.h"

#include <gif_lib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <vector>

#include "millrace/loader/images/pixel.h"

namespace millrace::image {
namespace {

std::runtime_error broken_gif(int code) {
  const char* const reason = GifErrorString(code);
  return broken("GIF", reason ? reason : "giflib gives no reason");
}

struct CloseGif {
  void operator()(GifFileType* gif) const {
    int ignored = 0;
    DGifCloseFile(gif, &ignored);
  }
};

class GifReader final : public FormatReader {
 public:
  explicit GifReader(std::span<const std::byte> file) : rest_(file) {
    int error = 0;
    gif_.reset(DGifOpen(this, read, &error));
    if (!gif_) throw broken_gif(error);
    find_first_frame();
    const GifImageDesc& frame = gif_->Image;
    if (frame.Width <= 0 || frame.Height <= 0) throw broken("GIF", "a frame without pixels");
    // A frame that leaves the screen enlarges it, as in Pillow.
    size_ = {std::max(gif_->SHeight, frame.Top + frame.Height), std::max(gif_->SWidth, frame.Left + frame.Width)};
  }

  Size size() const override { return size_; }

  void read_colours(Image& picture) override {
    std::vector<uint8_t> indices(pixels());
    read_indices(indices);
    const ColorMapObject* const map = gif_->Image.ColorMap ? gif_->Image.ColorMap : gif_->SColorMap;
    std::array<std::array<uint8_t, 3>, 256> colours;
    for (size_t i = 0; i < colours.size(); ++i) colours[i].fill(static_cast<uint8_t>(i));
    if (map) {
      for (size_t i = 0; i < static_cast<size_t>(map->ColorCount); ++i)
        colours[i] = {map->Colors[i].Red, map->Colors[i].Green, map->Colors[i].Blue};
    }
    const uint8_t* index = indices.data();
    for (int y = 0; y < size_.height; ++y) {
      uint8_t* pixel = picture.row(y);
      for (int x = 0; x < size_.width; ++x, pixel += kPixelBytes, ++index) {
        const auto& [red, green, blue] = colours[*index];
        put_colours(pixel, red, green, blue);
      }
    }
  }

  void read_numbers(std::span<uint16_t> numbers) override {
    std::vector<uint8_t> indices(pixels());
    read_indices(indices);
    std::copy(indices.begin(), indices.end(), numbers.begin());
  }

 private:
  size_t pixels() const { return static_cast<size_t>(size_.height) * static_cast<size_t>(size_.width); }

  /// Reads up to the header of the first frame, and of what stands before it which index is transparent.
  void find_first_frame() {
    for (;;) {
      GifRecordType type = UNDEFINED_RECORD_TYPE;
      require(DGifGetRecordType(gif_.get(), &type));
      if (type == IMAGE_DESC_RECORD_TYPE) return require(DGifGetImageDesc(gif_.get()));
      if (type != EXTENSION_RECORD_TYPE) throw broken("GIF", "no frame");
      int code = 0;
      GifByteType* block = nullptr;
      require(DGifGetExtension(gif_.get(), &code, &block));
      GraphicsControlBlock control = {};
      if (code == GRAPHICS_EXT_FUNC_CODE && block && DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK) {
        if (control.TransparentColor != NO_TRANSPARENT_COLOR)
          transparent_ = static_cast<uint8_t>(control.TransparentColor);
      }
      while (block) require(DGifGetExtensionNext(gif_.get(), &block));
    }
  }

  void read_indices(std::vector<uint8_t>& indices) {
    const GifImageDesc& frame = gif_->Image;
    std::fill(indices.begin(), indices.end(), transparent_.value_or(0));
    const auto read_line = [&](int y) {
      const size_t at = static_cast<size_t>(frame.Top + y) * static_cast<size_t>(size_.width);
      require(DGifGetLine(gif_.get(), indices.data() + at + static_cast<size_t>(frame.Left), frame.Width));
    };
    if (!frame.Interlace) {
      for (int y = 0; y < frame.Height; ++y) read_line(y);
      return;
    }
    constexpr std::array<std::array<int, 2>, 4> kPasses = {{{0, 8}, {4, 8}, {2, 4}, {1, 2}}};
    for (const auto& [first, step] : kPasses)
      for (int y = first; y < frame.Height; y += step) read_line(y);
  }

  void require(int result) {
    if (result != GIF_OK) throw broken_gif(gif_->Error);
  }

  static int read(GifFileType* gif, GifByteType* out, int bytes) {
    auto& rest = static_cast<GifReader*>(gif->UserData)->rest_;
    const size_t got = std::min(rest.size(), static_cast<size_t>(bytes));
    std::memcpy(out, rest.data(), got);
    rest = rest.subspan(got);
    return static_cast<int>(got);
  }

  std::span<const std::byte> rest_;
  std::unique_ptr<GifFileType, CloseGif> gif_;
  std::optional<uint8_t> transparent_;
  Size size_;
};

}  // namespace

std::unique_ptr<FormatReader> open_gif(std::span<const std::byte> file) { return std::make_unique<GifReader>(file); }

}  // namespace millrace::image
