#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/images/image.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/loader/sample_row.h"

namespace millrace {

/// Small labelled pictures of one size, held in memory as pixels: what MNIST and CIFAR are once their files are read.
///
/// Samples: "image" uint8 {channels, height, width}, or what the transform makes of it, and "label" int64 {}. All
/// pictures and labels are one piece of memory for all processes. A value: copies share it. Any number of threads may
/// read. An index outside the dataset throws std::out_of_range.
class PixelDataset {
 public:
  /// One of the two parts that a dataset is published in.
  enum class Mode : uint8_t { kTrain, kTest };

  /// What the pictures are, apart from their pixels.
  struct Format {
    std::string name;  ///< The name of samples in errors: "MNIST train".
    ImageMode mode = ImageMode::kRGB;
    image::Size size;
    std::vector<std::string> classes;  ///< Names of the classes, by label.

    size_t picture_bytes() const;

    template <class Archive>
    void serialize(Archive& archive) {
      archive(name, mode, size.height, size.width, classes);
    }
  };

  PixelDataset() = default;  ///< For the receiving side of serialize().

  /// A dataset of `count` pictures. `fill` writes their labels and their planes, one picture behind the other; what it
  /// throws passes. Throws OutOfSharedMemory.
  PixelDataset(Format format, size_t count,
               const std::function<void(std::span<int64_t> labels, std::span<uint8_t> pixels)>& fill);

  /// The same pictures with `chain` behind the present transform.
  PixelDataset transform(transforms::Chain chain) const;

  const std::vector<std::string>& classes() const { return format_.classes; }
  const transforms::Chain& chain() const { return chain_; }
  size_t size() const { return count_; }

  int64_t label(size_t i) const;

  /// Sample `i` in messages: "MNIST train 17".
  std::string describe(size_t i) const { return format_.name + " " + std::to_string(i); }

  SampleSpec spec() const;

  void read(size_t i, SampleRow& row, SampleContext& context) const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  /// The planes of picture `i`.
  std::span<const uint8_t> pixels(size_t i) const;

  Format format_;
  uint64_t count_ = 0;
  detail::SharedBytes memory_;  // Labels, then pixels.
  transforms::Chain chain_;
};

}  // namespace millrace
