#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>

#include "millrace/loader/datasets/tar_shards.h"
#include "millrace/loader/images/datasets/picture_dataset.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/loader/sample_row.h"

namespace millrace {

/// The pictures of tar shards, read in place: "image" {channels, height, width}, uint8 or what the transform makes of
/// it, and "label" int64 {} when asked for. Made by TarShards::image(), whose rules for threads and errors hold here
/// too. What the files contain is found out from their bytes, as ImageFolder does.
class TarImages : public PictureDataset<TarImages> {
 public:
  /// For the receiving side of serialize().
  TarImages() = default;

  TarImages(TarShards shards, std::string alternatives, transforms::Chain chain);

  /// The dataset with labels: each is the decimal number that the sample's file with one of these extensions holds, as
  /// webdataset decodes "cls".
  TarImages label(std::string alternatives = "cls") const;

  const TarShards& shards() const { return shards_; }
  size_t size() const { return shards_.size(); }
  std::string describe(size_t i) const { return shards_.describe(i); }

  /// What a sample looks like. Where the transform leaves sizes as they are, all pictures must have the size of the
  /// first, which is read here.
  SampleSpec spec();

  void read(size_t i, SampleRow& row, SampleContext& context);

  template <class Archive>
  void serialize(Archive& archive) {
    archive(shards_, image_files_, label_files_, pictures_);
  }

 private:
  std::span<const std::byte> picture(size_t i);

  TarShards shards_;
  std::string image_files_;
  std::optional<std::string> label_files_;
};

}  // namespace millrace
