#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

namespace millrace::packing {

/// Makes keys of samples that no two samples share, by which a shard gives the samples that were put in. The same
/// paths in the same order give the same keys.
class SampleKeys {
 public:
  /// The key for a file at `path`: without its last ending, with '_' for the other dots of its name, where webdataset
  /// would cut the key off, and for those that hide a name. "cat/a.b.jpg" has "cat/a_b". The file alone counts where
  /// the path leads out of its folder or begins at the root.
  std::string of_path(std::string_view path);

  /// The key of a sample that has one; "KEY_2" for one that another sample has already.
  std::string of_key(std::string key);

 private:
  std::unordered_set<uint64_t> taken_;  // Hashes of keys: two that share one differ more than they have to.
};

}  // namespace millrace::packing
