#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "millrace/loader/images/datasets/picture_dataset.h"
#include "millrace/loader/images/transforms/picture_pair.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/memory/shared_table.h"

namespace millrace {

using transforms::ColorChanges;

/// What the columns of a manifest of pairs are called.
struct ImagePairsOptions {
  std::string root = {};  ///< Directory that relative paths begin at; the manifest's own unless said.
  std::string data = "data";
  std::string target = "target";
};

/// Pictures in pairs, for networks that make one picture of another: what goes in, and what is to come out. Crops,
/// flips, resizes, rotations and all else that moves pixels are drawn once, for both.
///
///   auto maps = ImagePairs::in_folders("maps/photo", "maps/drawn").transform(RandomCrop(256) | RandomVerticalFlip());
///   auto gray = ImagePairs::in_manifest("pairs.csv").transform(Grayscale()).color_changes(ColorChanges::kData);
///
/// Samples: "data" and "target", {channels, height, width} each, uint8 or what the transform makes of them. Both files
/// of a pair hold pictures of one size.
///
/// Only paths are kept, in memory that all processes share; no picture is opened when this is made. A value: copies
/// share the memory. Any number of threads may read. Errors: std::runtime_error in one line, with path and cure; an
/// index outside the dataset throws std::out_of_range.
class ImagePairs : public PictureDataset<ImagePairs> {
 public:
  ImagePairs() = default;  ///< For the receiving side of serialize().

  /// The pictures below two folders, which belong together by their paths below these, without the files' endings:
  /// a/one.jpg and b/one.png. Sorted by those of `data`. Throws std::runtime_error for one that has no partner.
  static ImagePairs in_folders(const std::string& data, const std::string& target);

  /// The pictures that a manifest lists, two columns of paths; its forms are those of ImageManifest. In a list without
  /// a header (.txt) the first column is the data. Throws as ImageManifest.
  static ImagePairs in_manifest(const std::string& path, ImagePairsOptions options = {});

  /// The same pairs, with colours changed in both pictures, by the same draws, as is the default, or in one of them.
  ImagePairs color_changes(ColorChanges changes) const;

  size_t size() const { return data_.size(); }

  std::string data_path(size_t i) const;
  std::string target_path(size_t i) const;

  /// Both paths of pair `i`.
  std::string describe(size_t i) const;

  /// What a sample looks like. Where the transform leaves sizes as they are, all pictures must have the size of the
  /// first, which is read here.
  SampleSpec spec() const;

  void read(size_t i, SampleRow& row, SampleContext& context) const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  std::string data_root_;
  std::string target_root_;
  SharedStrings data_;
  SharedStrings targets_;
  ColorChanges changes_ = ColorChanges::kBoth;
};

}  // namespace millrace
