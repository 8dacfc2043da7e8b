#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millrace {

/// Where a sampler stands, to go on from there in another process. Independent of the size of the dataset. Without a
/// version of its own: what is kept longer than the program, such as a loader's state, has one and this as a part.
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

/// What the position of a sampler of batches counts, and so what may be different when it is resumed.
enum class PositionUnit {
  kIndices,  ///< Batches of another size may go on from it.
  kBatches,  ///< It means something only to a sampler with the same batches.
};

/// "epoch 3, position 128", for messages.
std::string to_string(const SamplerState& state);

/// Throws std::invalid_argument unless `position` is one of an epoch of `size`. `sampler` is its name.
void require_position(std::string_view sampler, int64_t position, int64_t size);

}  // namespace millrace
