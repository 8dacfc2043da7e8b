#include "millrace/apps/millrace/bench/noise_jpeg.h"

#include <algorithm>
#include <cmath>
#include <cstdio>  // jpeglib.h needs FILE.
#include <cstdlib>
#include <stdexcept>
#include <vector>

#include <jpeglib.h>

#include "millrace/loader/sample_rng.h"

namespace millrace::apps {
namespace {

constexpr int kChannels = 3, kQuality = 85;
constexpr double kEntropyOfPhotos = 0.1;  // Some two bits a pixel.

// Memory that libjpeg allocates, and its state, which are freed whatever happens.
struct Encoder {
  jpeg_compress_struct info{};
  jpeg_error_mgr errors{};
  unsigned char* bytes = nullptr;
  unsigned long size = 0;  // NOLINT(google-runtime-int): libjpeg's type.

  Encoder() {
    info.err = jpeg_std_error(&errors);
    errors.error_exit = [](j_common_ptr common) {
      char text[JMSG_LENGTH_MAX];
      common->err->format_message(common, text);
      throw std::runtime_error(std::string("JPEG: ") + text);
    };
    jpeg_create_compress(&info);
    jpeg_mem_dest(&info, &bytes, &size);
  }
  ~Encoder() {
    jpeg_destroy_compress(&info);
    std::free(bytes);
  }
  Encoder(const Encoder&) = delete;
  Encoder& operator=(const Encoder&) = delete;
};

// One row: ramps from the upper left to the lower right, with noise over them.
void fill_row(int y, int width, int height, double entropy, SampleRng& rng, std::vector<unsigned char>& row) {
  for (int x = 0; x < width; ++x) {
    const double ramps[kChannels] = {255.0 * x / width, 255.0 * y / height, 127.5 + 127.5 * std::sin(0.02 * (x + y))};
    for (int channel = 0; channel < kChannels; ++channel)
      row[static_cast<size_t>(kChannels * x + channel)] =
          static_cast<unsigned char>((1 - entropy) * ramps[channel] + entropy * 255.0 * rng.uniform());
  }
}

// Behind the first marker, in pieces of 65,533 bytes at most. REQUIRES: size is 0 or at least 4.
std::string comment_of(size_t size) {
  constexpr size_t kMarker = 2, kLength = 2, kMost = 65'533;
  std::string comment;
  while (size > 0) {
    size_t piece = std::min(size, kMarker + kLength + kMost);
    if (size - piece > 0 && size - piece < kMarker + kLength)
      piece -= kMarker + kLength;  // The next one needs as much.
    const size_t length = piece - kMarker;
    comment += "\xFF\xFE";
    comment += static_cast<char>(length >> 8);
    comment += static_cast<char>(length & 0xFF);
    comment.append(length - kLength, ' ');
    size -= piece;
  }
  return comment;
}

}  // namespace

std::string noise_jpeg(int width, int height, double entropy, uint64_t seed) {
  SampleRng rng(seed);
  Encoder encoder;
  auto& info = encoder.info;
  info.image_width = static_cast<JDIMENSION>(width);
  info.image_height = static_cast<JDIMENSION>(height);
  info.input_components = kChannels;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, kQuality, TRUE);
  jpeg_start_compress(&info, TRUE);
  std::vector<unsigned char> row(static_cast<size_t>(kChannels * width));
  for (int y = 0; y < height; ++y) {
    fill_row(y, width, height, entropy, rng, row);
    JSAMPROW rows[] = {row.data()};
    jpeg_write_scanlines(&info, rows, 1);
  }
  jpeg_finish_compress(&info);
  return {reinterpret_cast<const char*>(encoder.bytes), encoder.size};
}

std::string noise_jpeg_of_size(size_t bytes, uint64_t seed) {
  if (bytes < kLeastJpeg) throw std::invalid_argument("a JPEG of " + std::to_string(bytes) + " bytes is too small");
  constexpr double kRatio = 4.0 / 3, kTarget = 0.97;
  const double wanted = kTarget * static_cast<double>(bytes);
  double width = std::sqrt(wanted * 4 * kRatio);
  std::string picture;
  do {
    const int columns = std::clamp(static_cast<int>(width), 1, 65'500);
    picture = noise_jpeg(columns, std::max(1, static_cast<int>(columns / kRatio)), kEntropyOfPhotos, seed);
    // Headers do not shrink with the picture; the factor makes sure that it comes to an end.
    width = std::min(0.95 * width, width * std::sqrt(wanted / static_cast<double>(picture.size())));
  } while (picture.size() + 4 > bytes && width >= 1);
  if (picture.size() + 4 > bytes)
    throw std::invalid_argument("no JPEG is as small as " + std::to_string(bytes) + " bytes");
  constexpr size_t kFirstMarker = 2;
  return picture.substr(0, kFirstMarker) + comment_of(bytes - picture.size()) + picture.substr(kFirstMarker);
}

}  // namespace millrace::apps
