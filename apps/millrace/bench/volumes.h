#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "millrace/loader/sample_row.h"

namespace millrace::apps {

/// .npz files of a folder, a sample each, of which an array of bytes is read: field "data" (uint8, its first `bytes`
/// bytes, and zeros where it is shorter). That is how DLIO reads them for UNet3D: all of the file, of which the model
/// gets a part of one size. All of it is read here too, for its checksum.
class Volumes {
 public:
  Volumes() = default;  ///< For the receiving side of serialize().

  /// Throws std::invalid_argument when there is no .npz file below `root` or `bytes` is not positive.
  Volumes(const std::string& root, std::string array, int64_t bytes);

  SampleSpec spec() const { return {{"data", c10::ScalarType::Byte, {bytes_}}}; }
  size_t size() const { return paths_.size(); }
  std::string describe(size_t index) const { return paths_[index]; }

  /// Throws std::runtime_error with the file for one that is no good.
  void read(size_t index, SampleRow& row, SampleContext& context) const;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(paths_, array_, bytes_);
  }

 private:
  std::vector<std::string> paths_;
  std::string array_;
  int64_t bytes_ = 0;
};

}  // namespace millrace::apps
