#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace millrace::detail {

/// Whether one name of a path, without slashes, is that of something programs leave in folders beside the user's files:
/// whatever is hidden (".git", ".ipynb_checkpoints", ".DS_Store", "._a.jpg"), and macOS', Windows' and disk stations'
/// own.
bool is_litter(std::string_view name);

/// Whether any name of the path is litter; "." and ".." do not count as hidden.
bool has_litter(std::string_view path);

/// Counts what a dataset leaves out, and tells it in one warning.
class LeftOut {
 public:
  void add(std::string_view path);

  /// Warns, if there was anything: "image_folder: 3 … left out of 'root', the first is 'PATH'".
  void tell(const std::string& dataset, const std::string& root) const;

 private:
  size_t count_ = 0;
  std::string first_;
};

}  // namespace millrace::detail
