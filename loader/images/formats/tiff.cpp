#include "millrace/loader/images/formats/tiff.h"

#include <tiffio.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <limits>
#include <new>
#include <vector>

#include "millrace/loader/images/pixel.h"

namespace millrace::image {
namespace {

/// One allocation of libtiff's may take that much, and so much for each byte of the file. Pixels are not among them.
constexpr size_t kMaxAllocation = size_t{256} << 20;
constexpr size_t kMaxAllocationPerByte = 16;

/// Colours, inks or gray, and as many channels beside them.
constexpr int kMaxSamples = 8;

/// A strip or tile may be larger than the picture, as tiles of small pictures are, but not without bounds.
constexpr uint64_t kMaxTiffChunkBytes = uint64_t{64} << 20;
constexpr uint64_t kMaxBytesPerPixel = 2 * kMaxSamples;

struct CloseTiff {
  void operator()(TIFF* tiff) const { TIFFClose(tiff); }
};
struct FreeOptions {
  void operator()(TIFFOpenOptions* options) const { TIFFOpenOptionsFree(options); }
};

/// `samples` numbers of `bits` bits, which lie one behind the other from `bytes` on; 16 bits in the machine's order.
void unpack(const uint8_t* bytes, int bits, std::span<uint16_t> samples) {
  if (bits == 8) {
    std::copy_n(bytes, samples.size(), samples.begin());
  } else if (bits == 16) {
    std::memcpy(samples.data(), bytes, samples.size_bytes());
  } else {
    uint32_t read = 0;
    int there = 0;
    for (uint16_t& sample : samples) {
      for (; there < bits; there += 8) read = read << 8 | *bytes++;
      there -= bits;
      sample = static_cast<uint16_t>(read >> there & ((1u << bits) - 1));
    }
  }
}

class TiffReader final : public FormatReader {
 public:
  explicit TiffReader(std::span<const std::byte> file) : file_(file) {
    const std::unique_ptr<TIFFOpenOptions, FreeOptions> options(TIFFOpenOptionsAlloc());
    if (!options) throw std::bad_alloc();
    const size_t most = kMaxAllocation + kMaxAllocationPerByte * file.size();
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), static_cast<tmsize_t>(most));
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), on_error, this);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), on_warning, this);
    tiff_.reset(TIFFClientOpenExt("picture", "r", this, read, write, seek, close, size_of, map, unmap, options.get()));
    if (!tiff_) throw broken_tiff();
    reason_[0] = '\0';  // What was wrong with single tags did not keep it from being opened.
    read_header();
  }

  Size size() const override { return size_; }

  void read_colours(Image& picture) override {
    require_colours();
    if (decodes_itself_) {
      // A pixel is a number whose lowest byte is red. The orientation asked for is the file's own: none is applied.
      static_assert(std::endian::native == std::endian::little);
      uint16_t orientation = ORIENTATION_TOPLEFT;
      TIFFGetFieldDefaulted(tiff_.get(), TIFFTAG_ORIENTATION, &orientation);
      auto* const raster = reinterpret_cast<uint32_t*>(picture.row(0));
      require(TIFFReadRGBAImageOriented(tiff_.get(), static_cast<uint32_t>(size_.width),
                                        static_cast<uint32_t>(size_.height), raster, orientation, 1) == 1);
      return;
    }
    read_pixels([&](int y, int x, const uint16_t* samples) {
      write_colours(samples, picture.row(y) + static_cast<size_t>(x) * kPixelBytes);
    });
  }

  void read_numbers(std::span<uint16_t> numbers) override {
    const bool indices = photometric_ == PHOTOMETRIC_PALETTE;
    if ((!indices && photometric_ != PHOTOMETRIC_MINISBLACK && photometric_ != PHOTOMETRIC_MINISWHITE) || samples_ != 1)
      throw no_numbers("a TIFF with colours or alpha");
    if (photometric_ == PHOTOMETRIC_MINISWHITE) throw no_numbers("a TIFF whose white is 0");
    if (compression_ == COMPRESSION_JPEG) throw no_numbers("a TIFF compressed as JPEG, which loses numbers");
    if (!indices && bits_ != 8 && bits_ != 16)
      throw no_numbers("a TIFF of " + std::to_string(bits_) + (bits_ == 1 ? " bit" : " bits") + " a pixel");
    read_pixels([&](int y, int x, const uint16_t* samples) {
      numbers[static_cast<size_t>(y) * static_cast<size_t>(size_.width) + static_cast<size_t>(x)] = samples[0];
    });
  }

 private:
  template <class Value>
  Value field(uint32_t tag, Value otherwise) {
    Value value = otherwise;
    if (TIFFGetFieldDefaulted(tiff_.get(), tag, &value) != 1) return otherwise;
    return value;
  }

  void read_header() {
    const auto width = field<uint32_t>(TIFFTAG_IMAGEWIDTH, 0);
    const auto height = field<uint32_t>(TIFFTAG_IMAGELENGTH, 0);
    constexpr uint32_t kMost = std::numeric_limits<int>::max() / 8;
    if (width == 0 || height == 0 || width > kMost || height > kMost)
      throw broken("TIFF", "a picture of " + std::to_string(height) + "x" + std::to_string(width) + " pixels");
    size_ = {static_cast<int>(height), static_cast<int>(width)};
    bits_ = field<uint16_t>(TIFFTAG_BITSPERSAMPLE, 1);
    samples_ = field<uint16_t>(TIFFTAG_SAMPLESPERPIXEL, 1);
    compression_ = field<uint16_t>(TIFFTAG_COMPRESSION, COMPRESSION_NONE);
    planar_ = field<uint16_t>(TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG) == PLANARCONFIG_SEPARATE && samples_ > 1;
    photometric_ = field<uint16_t>(TIFFTAG_PHOTOMETRIC, kNoPhotometric);
    require_layout();
    if (photometric_ == PHOTOMETRIC_YCBCR) {
      if (compression_ == COMPRESSION_JPEG && !planar_) {
        TIFFSetField(tiff_.get(), TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      } else {
        decodes_itself_ = true;
      }
    }
  }

  void require_layout() {
    if (!TIFFIsCODECConfigured(compression_) || compression_ == COMPRESSION_OJPEG)
      throw unsupported("TIFF", "compression " + std::to_string(compression_));
    const auto format = field<uint16_t>(TIFFTAG_SAMPLEFORMAT, SAMPLEFORMAT_UINT);
    const std::string bits = std::to_string(bits_) + "-bit ";
    if (format == SAMPLEFORMAT_IEEEFP) throw unsupported("TIFF", bits + "floats");
    if (format == SAMPLEFORMAT_INT) throw unsupported("TIFF", bits + "signed integers");
    if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) throw unsupported("TIFF", bits + "complex numbers");
    if (bits_ < 1 || bits_ > 16) throw unsupported("TIFF", bits + "samples");
    switch (photometric_) {
      case PHOTOMETRIC_MINISWHITE:
      case PHOTOMETRIC_MINISBLACK:
      case PHOTOMETRIC_PALETTE:
        colours_ = 1;
        break;
      case PHOTOMETRIC_RGB:
      case PHOTOMETRIC_YCBCR:
        colours_ = 3;
        break;
      case PHOTOMETRIC_SEPARATED:
        colours_ = 4;
        if (field<uint16_t>(TIFFTAG_INKSET, INKSET_CMYK) != INKSET_CMYK)
          throw unsupported("TIFF", "inks other than cyan, magenta, yellow and black");
        break;
      case PHOTOMETRIC_CIELAB:
      case PHOTOMETRIC_ICCLAB:
      case PHOTOMETRIC_ITULAB:
        throw unsupported("TIFF", "colours in CIE L*a*b*");
      case kNoPhotometric:
        throw unsupported("TIFF", "samples of which it does not say what they are");
      default:
        throw unsupported("TIFF", "photometric interpretation " + std::to_string(photometric_));
    }
    if (samples_ < colours_ || samples_ > kMaxSamples)
      throw unsupported("TIFF", std::to_string(samples_) + " samples a pixel");
    if (photometric_ == PHOTOMETRIC_PALETTE) {
      if (bits_ > 8) throw unsupported("TIFF", "a palette and " + bits + "indices");
      require(TIFFGetField(tiff_.get(), TIFFTAG_COLORMAP, &palette_[0], &palette_[1], &palette_[2]) == 1);
    }
    uint16_t extra_count = 0;
    uint16_t* extras = nullptr;
    TIFFGetFieldDefaulted(tiff_.get(), TIFFTAG_EXTRASAMPLES, &extra_count, &extras);
    premultiplied_ = photometric_ == PHOTOMETRIC_RGB && extra_count > 0 && extras[0] == EXTRASAMPLE_ASSOCALPHA &&
                     samples_ > colours_;
  }

  void require_colours() const {
    if (photometric_ == PHOTOMETRIC_SEPARATED && bits_ < 8)
      throw unsupported("TIFF", std::to_string(bits_) + "-bit inks");
  }

  /// Calls put(y, x, samples) for every pixel.
  template <class Put>
  void read_pixels(Put put) {
    TIFF* const tiff = tiff_.get();
    const bool tiled = TIFFIsTiled(tiff) != 0;
    auto chunk_width = static_cast<uint32_t>(size_.width);
    auto chunk_height = static_cast<uint32_t>(size_.height);
    if (tiled) {
      chunk_width = field<uint32_t>(TIFFTAG_TILEWIDTH, 0);
      chunk_height = field<uint32_t>(TIFFTAG_TILELENGTH, 0);
    } else {
      chunk_height = std::min(chunk_height, field<uint32_t>(TIFFTAG_ROWSPERSTRIP, chunk_height));
    }
    const uint64_t chunk_bytes = tiled ? TIFFTileSize64(tiff) : TIFFStripSize64(tiff);
    const auto row_bytes = static_cast<size_t>(tiled ? TIFFTileRowSize64(tiff) : TIFFScanlineSize64(tiff));
    const uint64_t most = kMaxTiffChunkBytes +
                          kMaxBytesPerPixel * static_cast<uint64_t>(size_.width) * static_cast<uint64_t>(size_.height);
    if (chunk_width == 0 || chunk_height == 0 || chunk_bytes == 0 || row_bytes == 0) throw broken_tiff();
    const int planes = planar_ ? samples_ : 1;
    if (chunk_bytes > most / static_cast<uint64_t>(planes))
      throw unsupported("TIFF",
                        std::string(tiled ? "tiles" : "strips") + " of " + std::to_string(chunk_bytes) + " bytes");

    const size_t in_row = static_cast<size_t>(chunk_width) * static_cast<size_t>(samples_ / planes);
    if (row_bytes < (in_row * static_cast<size_t>(bits_) + 7) / 8 || chunk_bytes < row_bytes * uint64_t{chunk_height})
      throw unsupported("TIFF", "rows of another length than its width says");
    std::vector<std::vector<uint8_t>> chunks(static_cast<size_t>(planes), std::vector<uint8_t>(chunk_bytes));
    std::vector<std::vector<uint16_t>> rows(chunks.size(), std::vector<uint16_t>(in_row));
    std::array<uint16_t, kMaxSamples> samples{};
    const auto width = static_cast<uint32_t>(size_.width);
    const auto height = static_cast<uint32_t>(size_.height);
    for (uint32_t top = 0; top < height; top += chunk_height) {
      const uint32_t valid_rows = std::min(chunk_height, height - top);
      for (uint32_t left = 0; left < width; left += chunk_width) {
        for (size_t plane = 0; plane < chunks.size(); ++plane) {
          uint8_t* const out = chunks[plane].data();
          const auto number = static_cast<uint16_t>(plane);
          const auto room = static_cast<tmsize_t>(tiled ? chunk_bytes : row_bytes * valid_rows);
          reason_[0] = '\0';
          const tmsize_t got = tiled ? TIFFReadEncodedTile(tiff, TIFFComputeTile(tiff, left, top, 0, number), out, room)
                                     : TIFFReadEncodedStrip(tiff, TIFFComputeStrip(tiff, top, number), out, room);
          if (got < room) throw broken_tiff();
        }
        const uint32_t columns = std::min(chunk_width, width - left);
        for (uint32_t y = 0; y < valid_rows; ++y) {
          for (size_t plane = 0; plane < chunks.size(); ++plane)
            unpack(chunks[plane].data() + size_t{y} * row_bytes, bits_, rows[plane]);
          for (uint32_t x = 0; x < columns; ++x) {
            const uint16_t* pixel = rows[0].data() + size_t{x} * static_cast<size_t>(samples_);
            if (planar_) {
              for (size_t plane = 0; plane < chunks.size(); ++plane) samples[plane] = rows[plane][x];
              pixel = samples.data();
            }
            put(static_cast<int>(top + y), static_cast<int>(left + x), pixel);
          }
        }
      }
    }
  }

  uint8_t to_8_bits(uint16_t sample) const {
    if (bits_ >= 8) return static_cast<uint8_t>(sample >> (bits_ - 8));
    return static_cast<uint8_t>(sample * 255 / ((1 << bits_) - 1));
  }

  void write_colours(const uint16_t* samples, uint8_t* pixel) const {
    switch (photometric_) {
      case PHOTOMETRIC_PALETTE: {
        const auto colour = [&](size_t c) { return static_cast<uint8_t>(palette_[c][samples[0]] >> 8); };
        put_colours(pixel, colour(0), colour(1), colour(2));
        return;
      }
      case PHOTOMETRIC_MINISWHITE:
      case PHOTOMETRIC_MINISBLACK: {
        const uint8_t value = to_8_bits(samples[0]);
        const auto gray = static_cast<uint8_t>(photometric_ == PHOTOMETRIC_MINISWHITE ? 255 - value : value);
        put_colours(pixel, gray, gray, gray);
        return;
      }
      case PHOTOMETRIC_SEPARATED: {
        std::array<uint8_t, 4> inks;
        for (size_t i = 0; i < inks.size(); ++i) inks[i] = to_8_bits(samples[i]);
        ink_to_colours(inks.data(), pixel);
        return;
      }
      default:
        put_colours(pixel, to_8_bits(samples[0]), to_8_bits(samples[1]), to_8_bits(samples[2]));
        if (premultiplied_) divide_by_alpha(pixel, to_8_bits(samples[3]));
    }
  }

  static void divide_by_alpha(uint8_t* pixel, int alpha) {
    for (int c = 0; c < 3; ++c)
      pixel[c] = alpha == 0 ? uint8_t{0} : static_cast<uint8_t>(std::min(255, pixel[c] * 255 / alpha));
  }

  std::runtime_error broken_tiff() const {
    return broken("TIFF", reason_[0] ? reason_.data() : "the file ends too early");
  }

  void require(bool succeeded) const {
    if (!succeeded) throw broken_tiff();
  }

  // The handle's own handlers; libtiff's global ones, which print, are not asked when these give 1.
  static int on_error(TIFF*, void* reader, const char*, const char* format, va_list arguments) {
    auto& reason = static_cast<TiffReader*>(reader)->reason_;
    if (!reason[0]) std::vsnprintf(reason.data(), reason.size(), format, arguments);
    return 1;
  }
  static int on_warning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

  // The file as libtiff sees it: mapped, so it makes no copies; what is not read through the mapping is read here.
  static TiffReader& of(thandle_t handle) { return *static_cast<TiffReader*>(handle); }
  static tmsize_t read(thandle_t handle, void* out, tmsize_t bytes) {
    TiffReader& self = of(handle);
    const size_t from = std::min(self.at_, self.file_.size());
    const size_t got = std::min(self.file_.size() - from, static_cast<size_t>(std::max<tmsize_t>(bytes, 0)));
    std::memcpy(out, self.file_.data() + from, got);
    self.at_ = from + got;
    return static_cast<tmsize_t>(got);
  }
  static tmsize_t write(thandle_t, void*, tmsize_t) { return 0; }
  static toff_t seek(thandle_t handle, toff_t offset, int whence) {
    TiffReader& self = of(handle);
    const toff_t base = whence == SEEK_CUR ? self.at_ : whence == SEEK_END ? self.file_.size() : toff_t{0};
    self.at_ = static_cast<size_t>(base + offset);
    return self.at_;
  }
  static int close(thandle_t) { return 0; }
  static toff_t size_of(thandle_t handle) { return of(handle).file_.size(); }
  static int map(thandle_t handle, void** base, toff_t* bytes) {
    const auto& file = of(handle).file_;
    *base = const_cast<std::byte*>(file.data());  // libtiff copies what it changes.
    *bytes = file.size();
    return 1;
  }
  static void unmap(thandle_t, void*, toff_t) {}

  static constexpr uint16_t kNoPhotometric = 0xFFFF;

  std::span<const std::byte> file_;
  size_t at_ = 0;
  std::array<char, 256> reason_{};
  std::unique_ptr<TIFF, CloseTiff> tiff_;
  Size size_;
  int bits_ = 1;
  int samples_ = 1;
  int colours_ = 1;  // Samples that are colours.
  uint16_t compression_ = COMPRESSION_NONE;
  uint16_t photometric_ = kNoPhotometric;
  bool planar_ = false;
  bool premultiplied_ = false;
  bool decodes_itself_ = false;  // libtiff turns samples into colours.
  std::array<uint16_t*, 3> palette_{};
};

}  // namespace

std::unique_ptr<FormatReader> open_tiff(std::span<const std::byte> file) { return std::make_unique<TiffReader>(file); }

}  // namespace millrace::image
