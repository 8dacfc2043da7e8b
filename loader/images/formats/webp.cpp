#include "millrace/loader/images/formats/webp.h"

#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>

namespace millrace::image {
namespace {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};

const char* reason_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_OUT_OF_MEMORY:
      return "no memory for it";
    case VP8_STATUS_BITSTREAM_ERROR:
      return "the bit stream is damaged";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "a feature that libwebp does not know";
    case VP8_STATUS_NOT_ENOUGH_DATA:
    case VP8_STATUS_SUSPENDED:
      return "the file ends too early";
    default:
      return "libwebp refuses it";
  }
}

class WebpReader final : public FormatReader {
 public:
  explicit WebpReader(std::span<const std::byte> file) {
    const WebPData data = {reinterpret_cast<const uint8_t*>(file.data()), file.size()};
    WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
    demuxer_.reset(WebPDemuxPartial(&data, &state));
    if (!demuxer_ || state == WEBP_DEMUX_PARSE_ERROR) throw broken("WebP", "its chunks do not follow the format");
    if (state != WEBP_DEMUX_DONE) throw broken("WebP", "the file ends too early");
  }

  Size size() const override {
    return {static_cast<int>(WebPDemuxGetI(demuxer_.get(), WEBP_FF_CANVAS_HEIGHT)),
            static_cast<int>(WebPDemuxGetI(demuxer_.get(), WEBP_FF_CANVAS_WIDTH))};
  }

  void read_colours(Image& picture) override {
    WebPIterator frame = {};
    if (!WebPDemuxGetFrame(demuxer_.get(), 1, &frame)) throw broken("WebP", "no frame");
    const WebPData bytes = frame.fragment;
    const Box box = {frame.y_offset, frame.x_offset, frame.height, frame.width};
    WebPDemuxReleaseIterator(&frame);  // The fragment lies in the file.
    const auto [height, width] = picture.size();
    if (box.y < 0 || box.x < 0 || box.height > height - box.y || box.width > width - box.x)
      throw broken("WebP", "its first frame leaves the canvas");

    WebPDecoderConfig config;
    if (!WebPInitDecoderConfig(&config)) throw std::logic_error("libwebp has another version than its headers");
    if (const auto status = WebPGetFeatures(bytes.bytes, bytes.size, &config.input); status != VP8_STATUS_OK)
      throw broken("WebP", reason_of(status));
    if (config.input.width != box.width || config.input.height != box.height)
      throw broken("WebP", "its first frame has another size than the header says");
    if (box.size() != picture.size()) std::memset(picture.row(0), 0, picture.stride() * static_cast<size_t>(height));
    config.output.colorspace = MODE_RGBA;
    config.output.is_external_memory = 1;
    config.output.u.RGBA.rgba = picture.row(box.y) + static_cast<size_t>(box.x) * kPixelBytes;
    config.output.u.RGBA.stride = static_cast<int>(picture.stride());
    config.output.u.RGBA.size =
        picture.stride() * static_cast<size_t>(box.height - 1) + static_cast<size_t>(box.width) * kPixelBytes;
    const auto status = WebPDecode(bytes.bytes, bytes.size, &config);
    WebPFreeDecBuffer(&config.output);
    if (status != VP8_STATUS_OK) throw broken("WebP", reason_of(status));
  }

  void read_numbers(std::span<uint16_t>) override { throw no_numbers("a WebP, which stores colours"); }

 private:
  std::unique_ptr<WebPDemuxer, DeleteDemuxer> demuxer_;
};

}  // namespace

std::unique_ptr<FormatReader> open_webp(std::span<const std::byte> file) { return std::make_unique<WebpReader>(file); }

}  // namespace millrace::image
