#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/loader/images/datasets/picture_dataset.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/memory/shared_table.h"

namespace millrace {

/// Pictures in one directory a class, as torchvision.datasets.ImageFolder reads them: classes sorted by name, files
/// sorted within a class, directories below a class belong to it. Files count by their ending (.jpg .jpeg .png .ppm
/// .bmp .pgm .tif .tiff .webp, in any case); what they contain is found out from their bytes. Unlike with torchvision,
/// names that are hidden or that programs leave behind (".ipynb_checkpoints", "__MACOSX", "Thumbs.db") are no classes
/// and no pictures, and one warning says how many were left out. A link to a folder counts as a folder; links that lead
/// back to where they are reached from are passed over.
///
///   auto photos = ImageFolder("photos/train").transform(RandomResizedCrop(224) | RandomHorizontalFlip());
///
/// Samples: "image" {channels, height, width}, uint8 or what the transform makes of it, and "label" int64 {}.
/// A value: copies share the table of files, which is one piece of memory for all processes. Any number of threads may
/// read. Errors: std::runtime_error in one line, with path and cure.
class ImageFolder : public PictureDataset<ImageFolder> {
 public:
  /// For the receiving side of serialize().
  ImageFolder() = default;

  /// Lists the files; opens none. `root` may begin with ~ or ~user, as the paths of all datasets. Of `classes`, names
  /// of directories, those alone are read, and numbered in that order; of none, all.
  explicit ImageFolder(std::string root, std::vector<std::string> classes = {});

  const std::vector<std::string>& classes() const { return classes_; }
  size_t size() const { return files_.size(); }

  /// The path of picture `i`. REQUIRES: i < size(), as for all methods with an index.
  std::string describe(size_t i) const;

  /// The class of picture `i`, as an index into classes().
  int64_t label(size_t i) const;

  /// What a sample looks like. Where the transform leaves sizes as they are, all pictures must have the size of the
  /// first, which is read here.
  SampleSpec spec() const;

  void read(size_t i, SampleRow& row, SampleContext& context) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(root_, classes_, class_ends_, files_, pictures_);
  }

 private:
  std::string root_;
  std::vector<std::string> classes_;
  std::vector<uint64_t> class_ends_;  // Class c has files class_ends_[c - 1] .. class_ends_[c] - 1.
  SharedStrings files_;               // Paths relative to root_.
};

}  // namespace millrace
