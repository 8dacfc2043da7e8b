#include "millrace/apps/millrace/bench/noise_jpegs.h"

#include <cstring>

#include "millrace/apps/millrace/bench/noise_jpeg.h"
#include "millrace/loader/images/transforms/targets.h"
#include "millrace/sharing/codec/archive.h"

namespace millrace::apps {

NoiseJpegs::NoiseJpegs(int64_t size, int64_t different, int width, int height, double entropy, uint64_t seed)
    : size_(size) {
  std::string files;
  for (int64_t i = 0; i < different; ++i) {
    files += noise_jpeg(width, height, entropy, seed + static_cast<uint64_t>(i));
    ends_.push_back(files.size());
  }
  files_ = millrace::detail::SharedBytes::make(
      "JPEG files", files.size(), [&](std::byte* memory) { std::memcpy(memory, files.data(), files.size()); });
}

std::span<const std::byte> NoiseJpegs::file(size_t index) const {
  const size_t number = index % ends_.size();
  const uint64_t begin = number == 0 ? 0 : ends_[number - 1], end = ends_[number];
  if (begin > end || end > files_.size()) throw DecodeError("JPEG files are shorter than their dataset says");
  return {files_.data() + begin, end - begin};
}

SampleSpec NoiseJpegs::spec() const {
  return {pictures_.field([&] { return file(0); })};
}

void NoiseJpegs::read(size_t index, SampleRow& row, SampleContext& context) const {
  transforms::Targets none;
  pictures_.render(file(index), context.rng(), row.spec().fields[0], row.bytes(0), none);
}

}  // namespace millrace::apps
