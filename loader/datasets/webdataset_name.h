#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace millrace {

/// The path of a file in a shard, taken apart as Python's webdataset does: files that have one key are one
/// sample, and are told apart by their extensions.
struct WebDatasetName {
  std::string_view key;   ///< "train/0001" of "train/0001.seg.PNG": up to the first dot of the file's own name.
  std::string extension;  ///< "seg.png": the rest, in lower case.
};

/// Takes a path apart. Nothing for files that are in no sample: those without a dot, and those of the top folder or
/// below a top folder whose name begins and ends with two underscores, which hold what webdataset calls metadata.
///
/// A file whose name begins with a dot belongs, as in webdataset, to the key that is its folder with the slash.
std::optional<WebDatasetName> split_webdataset_name(std::string_view path);

}  // namespace millrace
