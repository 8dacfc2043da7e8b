#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/loader/images/datasets/manifest_options.h"
#include "millrace/loader/images/transforms/targets.h"
#include "millrace/sharing/memory/shared_table.h"

namespace millrace::detail {

/// A column of strings, one behind the other, while their number is not known.
class StringColumn {
 public:
  void add(std::string_view text);
  size_t size() const { return ends_.size(); }
  SharedStrings share() const;

 private:
  std::string characters_;
  std::vector<size_t> ends_;
};

/// A column of labels: integers as they are, or texts by their number in sorted order. The first label says which.
class LabelColumn {
 public:
  /// Throws std::runtime_error where the labels before were texts.
  void add(int64_t label);
  /// Throws std::runtime_error where the labels before were integers.
  void add(std::string_view text);

  /// The texts, sorted; empty for integers.
  std::vector<std::string> classes() const;
  std::vector<int64_t> labels() const;

 private:
  std::vector<int64_t> values_;                        // Integers, or the texts' numbers in order of arrival.
  std::map<std::string, int64_t, std::less<>> texts_;  // The number of each text.
};

/// What a manifest says, as columns of one length; columns that the options did not ask for are empty.
struct ManifestColumns {
  StringColumn images;
  LabelColumn labels;
  std::vector<float> numbers;  ///< Labels of LabelType::kNumber.
  StringColumn masks;
  std::vector<uint64_t> box_ends;
  std::vector<transforms::TargetBox> boxes;
};

/// What users call the options for the columns of pictures and masks, which errors tell.
struct ColumnKeys {
  const char* image = "image";
  const char* mask = "mask";
  bool are_both_needed = false;

  std::string cure_of_mask() const;
};

/// Reads a manifest, CSV, JSON lines or a list by its ending. Throws std::runtime_error as ImageManifest says.
ManifestColumns read_manifest(const std::string& path, const ImageManifestOptions& options,
                              const ColumnKeys& keys = {});

}  // namespace millrace::detail
