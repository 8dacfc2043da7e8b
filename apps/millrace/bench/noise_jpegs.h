#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/images/datasets/picture_dataset.h"
#include "millrace/loader/sample_row.h"

namespace millrace::apps {

/// JPEG files in memory that all processes share, so that a measurement shows decoding and no storage: field "image".
class NoiseJpegs : public PictureDataset<NoiseJpegs> {
 public:
  NoiseJpegs() = default;  ///< For the receiving side of serialize().

  /// `different` files of width x height, each noise_jpeg(); sample i is file i modulo that. Throws OutOfSharedMemory.
  NoiseJpegs(int64_t size, int64_t different, int width, int height, double entropy, uint64_t seed);

  SampleSpec spec() const;
  size_t size() const { return static_cast<size_t>(size_); }
  std::string describe(size_t index) const { return "noise_jpegs[" + std::to_string(index) + "]"; }
  void read(size_t index, SampleRow& row, SampleContext& context) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(size_, ends_, files_, pictures_);
  }

 private:
  std::span<const std::byte> file(size_t index) const;

  int64_t size_ = 0;
  std::vector<uint64_t> ends_;  // Of the files in files_.
  millrace::detail::SharedBytes files_;
};

}  // namespace millrace::apps
