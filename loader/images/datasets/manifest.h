#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/images/datasets/manifest_options.h"
#include "millrace/loader/images/datasets/picture_dataset.h"
#include "millrace/loader/images/transforms/targets.h"
#include "millrace/loader/images/transforms/transforms.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/memory/shared_table.h"

namespace millrace {

/// Pictures that a file lists, one a row, with labels, boxes and masks: CSV with a header (.csv, .tsv; RFC 4180, also
/// with semicolons, tabs or bars), one JSON object a line (.jsonl, .ndjson, .json), or a list without a header, path
/// and label or path and mask with a space or a tab between them (.txt), in UTF-8.
///
///   auto cars = ImageManifest("cars/train.csv", {.label = "", .boxes = "boxes"});
///
///   path,label,boxes                              {"path": "a.jpg", "label": "cat", "boxes": [[12, 30, 80, 96]]}
///   a.jpg,cat,"[[12, 30, 80, 96]]"                {"path": "b.jpg", "label": "dog", "boxes": []}
///   b.jpg,dog,
///
/// Labels are integers, taken as they are, or texts, numbered in the order of classes(), which is sorted; all rows have
/// the same kind. In CSV a text that only looks like a number (+1, 1.0, 007, nan) is refused; in JSON, quotes make a
/// text. Labels of LabelType::kNumber are numbers, for regression. The boxes of a row are a list of [x1, y1, x2, y2] in
/// pixels, written in CSV as JSON (which is how pandas writes a list); an empty field is no box. A mask is a lossless
/// picture of one channel (8 or 16 bits) or with a palette, as large as its picture, whose numbers are 0 to 255,
/// or those of mask_values, which become classes. Boxes and masks move with the picture, by the transform's very draws.
///
/// Samples, in this order, without the fields whose option is empty:
///   "image" {channels, height, width}, uint8 or what the transform makes of it
///   "label" int64 {}, or float32 {} of LabelType::kNumber
///   "boxes" float32 {max_boxes, 4}, zeros behind the last, and "boxes.count" int64 {}, how many there are
///   "mask"  uint8 {1, height, width}
///
/// Only paths, labels and boxes are kept, in memory that all processes share. The manifest is read once, by the
/// constructor, and no picture is opened then. A value: copies share the memory. Any number of threads may read.
/// Errors: std::runtime_error "train.csv:17:5: what: cure" for the manifest, with path and reason for pictures; an
/// index outside the dataset throws std::out_of_range.
class ImageManifest : public PictureDataset<ImageManifest> {
 public:
  ImageManifest() = default;  ///< For the receiving side of serialize().

  /// Reads the manifest. Throws std::runtime_error as said above, std::invalid_argument for options without a meaning,
  /// OutOfSharedMemory.
  explicit ImageManifest(const std::string& path, ImageManifestOptions options = {});

  /// Pictures and their masks in two folders, which belong together by their paths below these, without the files'
  /// endings: images/a/one.jpg and masks/a/one.png. `mask_values` as in the options. Samples have "image" and "mask".
  /// Throws std::runtime_error for a picture or mask without a partner, std::invalid_argument for the values.
  static ImageManifest with_masks(const std::string& images, const std::string& masks,
                                  std::vector<int64_t> mask_values = {});

  /// The labels' texts by number; empty where labels are integers.
  const std::vector<std::string>& classes() const { return classes_; }
  size_t size() const { return images_.size(); }

  /// The path of picture `i`.
  std::string describe(size_t i) const;

  /// The label of picture `i`. Throw std::logic_error where labels are of the other LabelType: label() gives those of
  /// kClass, number() those of kNumber. REQUIRES: the manifest has labels.
  int64_t label(size_t i) const;
  float number(size_t i) const;

  /// The boxes of picture `i` as they are in the manifest. Valid as long as some copy of the dataset lives. REQUIRES:
  /// the manifest has boxes.
  std::span<const transforms::TargetBox> boxes(size_t i) const;

  /// The path of the mask of picture `i`. REQUIRES: the manifest has masks.
  std::string mask_path(size_t i) const;

  /// What a sample looks like. Where the transform leaves sizes as they are, all pictures must have the size of the
  /// first, which is read here.
  SampleSpec spec() const;

  void read(size_t i, SampleRow& row, SampleContext& context) const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  std::string full(std::string_view path) const;
  void require_type(LabelType type) const;

  ImageManifestOptions options_;
  std::vector<std::string> classes_;
  SharedStrings images_;
  SharedStrings masks_;
  detail::SharedBytes labels_;    // int64, or float: what label_type says.
  detail::SharedBytes box_ends_;  // uint64: picture i has boxes box_ends_[i - 1] .. box_ends_[i] - 1.
  detail::SharedBytes boxes_;     // TargetBox.
};

}  // namespace millrace
