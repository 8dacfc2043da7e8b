#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace millrace {

/// The labels of a manifest: classes, integers or texts, in a field of int64, or numbers, in one of float32.
enum class LabelType : uint8_t { kClass, kNumber };

/// What an image manifest's columns are called, and what is taken from them. A column with an empty name is not read.
struct ImageManifestOptions {
  std::string root = {};       ///< Directory that relative paths begin at; the manifest's own when empty.
  std::string image = "path";  ///< Paths of the pictures.
  std::string label = "label";
  LabelType label_type = LabelType::kClass;
  std::string boxes = {};
  std::string mask = {};  ///< Paths of the masks.

  /// The number that each class has in the masks' files, that of class 0 first: {0, 255}. 255 is no class unless it
  /// stands here, any other number is an error. Empty: the numbers are the classes.
  std::vector<int64_t> mask_values = {};

  /// Rows of the field "boxes"; without a value, as many as the row with most boxes has.
  std::optional<int64_t> max_boxes = {};

  template <class Archive>
  void serialize(Archive& archive) {
    archive(root, image, label, label_type, boxes, mask, mask_values, max_boxes);
  }
};

}  // namespace millrace
