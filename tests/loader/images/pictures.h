#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "millrace/loader/images/decode.h"
#include "millrace/loader/images/image.h"
#include "millrace/loader/sample_rng.h"
#include "millrace/tests/support/paths.h"

/// What the tests of pictures share: the files, and slow but obvious versions of what the loader does.
namespace millrace::test {

using Bytes = std::vector<std::byte>;

inline std::string data_path(const std::string& name) { return test::data(name); }

inline Bytes read_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file) << path;
  const std::vector<char> chars{std::istreambuf_iterator<char>(file), {}};
  Bytes bytes(chars.size());
  std::memcpy(bytes.data(), chars.data(), chars.size());
  return bytes;
}

inline Bytes bytes_of(const std::string& text) {
  Bytes bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

/// The photos and the JPEGs among the encodings.
inline std::vector<std::string> jpeg_paths() {
  std::vector<std::string> paths;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(test::data(""))) {
    if (entry.path().extension() == ".jpg") paths.push_back(entry.path().string());
  }
  std::sort(paths.begin(), paths.end());
  return paths;
}

/// A box inside a picture of `size`; every other one touches an edge.
inline image::Box random_box(image::Size size, SampleRng& rng) {
  image::Box box;
  box.height = static_cast<int>(rng.integer(1, size.height));
  box.width = static_cast<int>(rng.integer(1, size.width));
  box.y = rng.chance(0.25) ? size.height - box.height : static_cast<int>(rng.integer(0, size.height - box.height));
  box.x = rng.chance(0.25) ? size.width - box.width : static_cast<int>(rng.integer(0, size.width - box.width));
  return box;
}

/// Planes, one behind the other: what a batch holds.
struct Planes {
  image::Size size;
  int channels = 3;
  std::vector<uint8_t> values;

  uint8_t& at(int c, int y, int x) { return values[static_cast<size_t>((c * size.height + y) * size.width + x)]; }
  uint8_t at(int c, int y, int x) const { return const_cast<Planes*>(this)->at(c, y, x); }
  bool operator==(const Planes&) const = default;
};

inline Planes blank(image::Size size, int channels) {
  return {size, channels, std::vector<uint8_t>(static_cast<size_t>(channels * size.height * size.width))};
}

inline Planes planes_of(const image::Image& picture, ImageMode mode) {
  Planes planes = blank(picture.size(), channels(mode));
  for (int c = 0; c < planes.channels; ++c)
    for (int y = 0; y < planes.size.height; ++y)
      for (int x = 0; x < planes.size.width; ++x) planes.at(c, y, x) = picture.row(y)[x * image::kPixelBytes + c];
  return planes;
}

inline Planes decode_planes(const std::string& path, ImageMode mode) {
  return planes_of(image::decode(read_bytes(path), mode), mode);
}

/// What decode() says of a file that it refuses; "" for one that it reads.
inline std::string decode_error(const Bytes& file) {
  try {
    image::decode(file, ImageMode::kRGB);
  } catch (const std::runtime_error& error) {
    return error.what();
  }
  return "";
}

inline Planes crop(const Planes& in, image::Box box) {
  Planes out = blank(box.size(), in.channels);
  for (int c = 0; c < out.channels; ++c)
    for (int y = 0; y < box.height; ++y)
      for (int x = 0; x < box.width; ++x) out.at(c, y, x) = in.at(c, box.y + y, box.x + x);
  return out;
}

inline Planes mirror(const Planes& in) {
  Planes out = in;
  for (int c = 0; c < out.channels; ++c)
    for (int y = 0; y < out.size.height; ++y)
      for (int x = 0; x < out.size.width; ++x) out.at(c, y, x) = in.at(c, y, in.size.width - 1 - x);
  return out;
}

/// Largest and mean absolute difference of equally long rows.
struct Difference {
  int largest = 0;
  double mean = 0;
};

inline Difference difference(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  EXPECT_EQ(a.size(), b.size());
  Difference result;
  for (size_t i = 0; i < a.size(); ++i) {
    const int d = std::abs(int{a[i]} - int{b[i]});
    result.largest = std::max(result.largest, d);
    result.mean += d;
  }
  result.mean /= static_cast<double>(a.size());
  return result;
}

}  // namespace millrace::test
