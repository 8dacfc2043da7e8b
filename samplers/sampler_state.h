#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Where a sampler stands, to go on from there in another process. Its size does not depend on that of the dataset. It
/// has no version of its own: what is kept longer than the program, such as a loader's state, has a version and this as
/// a part.
struct SamplerState {
  int64_t epoch = 0;
  int64_t position = 0;  ///< Indices, or batches (PositionUnit), that the epoch has given; of all ranks together.

  /// Where a generator of the caller's stood at the epoch's first draw (5056 bytes); empty for samplers with a seed,
  /// whose epochs are functions of seed and epoch alone.
  std::vector<uint8_t> generator = {};

  bool operator==(const SamplerState&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(epoch, position, generator);
  }
};

/// What the position of a sampler of batches counts, which decides what may be different when it is resumed.
enum class PositionUnit {
  kIndices,  ///< Indices: a sampler with batches of another size may go on from it.
  kBatches,  ///< Batches: only a sampler with the same batches may go on from it.
};

/// The state in messages: "epoch 3, position 128".
std::string to_string(const SamplerState& state);

/// Throws std::invalid_argument unless an epoch of `size` has that position. `sampler` is the sampler's name.
void require_position(std::string_view sampler, int64_t position, int64_t size);

}  // namespace millrace
