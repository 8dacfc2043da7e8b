#pragma once

#include <cstddef>
#include <string>

#include "millrace/loader/images/datasets/picture_dataset.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/memory/shared_table.h"

namespace millrace {

/// Pictures without labels, as a model is asked about them: all that lie in a directory and in those below it, sorted
/// by directory and then by name, or a single file. In a directory files count by their ending, and what is hidden or
/// left behind by programs does not, as with ImageFolder; a file that is named itself may have any name.
///
///   auto photos = ImageFiles("photos/new").transform(Resize({224, 224}));
///
/// Samples: "image" {channels, height, width}, uint8 or what the transform makes of it. A value: copies share the table
/// of files. Any number of threads may read. Errors: std::runtime_error in one line, with path and cure; an index
/// outside the dataset throws std::out_of_range.
class ImageFiles : public PictureDataset<ImageFiles> {
 public:
  /// For the receiving side of serialize().
  ImageFiles() = default;

  /// Lists the files; opens none. `path`, of a directory or a file, may begin with ~ or ~user.
  explicit ImageFiles(const std::string& path);

  size_t size() const { return files_.size(); }

  /// The path of picture `i`.
  std::string describe(size_t i) const;

  /// What a sample looks like. Where the transform leaves sizes as they are, all pictures must have the size of the
  /// first, which is read here.
  SampleSpec spec() const;

  void read(size_t i, SampleRow& row, SampleContext& context) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(root_, files_, pictures_);
  }

 private:
  std::string root_;
  SharedStrings files_;  // Paths relative to root_.
};

}  // namespace millrace
