#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "millrace/loader/datasets/tar_damage.h"

namespace millrace::packing {

/// The shards at a path, as tar_files_at() has them; of a folder those too of which there is only the index any more.
std::vector<std::string> shards_to_verify(const std::string& path);

struct VerifyReport {
  uint64_t shards = 0;
  uint64_t bytes = 0;  ///< Of all shards that are there.
  std::vector<TarDamage> damages;
};

/// Reads shards, by `workers` processes (0: as many as this process may use processors), and compares them with the
/// sums in their indexes; see find_tar_damage(). A shard that is not there or cannot be read is a damage as well.
/// `verified` is told how many of them are.
VerifyReport verify(const std::vector<std::string>& tars, int workers, const std::function<void(size_t)>& verified);

}  // namespace millrace::packing
