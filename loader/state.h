#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

#include "millrace/samplers/sampler_state.h"

namespace millrace {

/// A small state that a dataset of streams may give and take back: names and plain values.
using State = std::map<std::string, std::variant<int64_t, double, std::string>>;

/// Where a loader stands between two batches, to go on from there in another process, with another number of workers or
/// of ranks, or with another batch size. Its size does not depend on the dataset's; it grows with the number of streams
/// and what their datasets' own states take.
struct LoaderState {
  static constexpr int64_t kVersion = 2;

  struct Stream {
    int64_t position = 0;  ///< Samples delivered.
    bool ended = false;
    std::vector<std::byte> state;  ///< The dataset's own state there, encoded; empty when it has none.

    template <class Archive>
    void serialize(Archive& archive) {
      archive(position, ended, state);
    }
  };

  int64_t version = kVersion;

  // The following fields say which loader the state is of. One of another dataset, seed or kind of order refuses it.
  uint64_t samples = 0;  ///< Samples in the dataset.
  std::string fields;    ///< What a sample of the dataset looks like.
  uint64_t seed = 0;
  std::string order;       ///< The sampler's kind, see sampler_name(), or "streams".
  int64_t batch_size = 1;  ///< Another batch size is accepted where no batch was delivered out of order.

  int64_t epoch = 0;     ///< The epoch that the next batch belongs to.
  int64_t batches = 0;   ///< Batches of that epoch that were delivered, or lost to errors.
  int64_t position = 0;  ///< Samples in those batches.
  SamplerState sampler;
  std::vector<int64_t> ahead;   ///< Batches delivered out of order, counted from the next one in order.
  std::vector<Stream> streams;  ///< Where each stream of a dataset without indices stands.
  int64_t next_stream = 0;      ///< The stream that gives the next batch.

  template <class Archive>
  void serialize(Archive& archive) {
    archive(version, samples, fields, seed, order, batch_size, epoch, batches, position, sampler, ahead, streams,
            next_stream);
  }
};

/// The state as text (JSON), to read, or to keep inside a checkpoint. Its checksum covers what the text says, not how
/// it is written: white space and the order of fields may change on the way.
std::string to_string(const LoaderState& state);

/// The state that a text of to_string() says. Throws std::runtime_error when the text is no state, one of another
/// version, or says something else than to_string() wrote.
LoaderState loader_state_from_string(const std::string& text);

/// Writes the state as text to a file, which is replaced as one step. Throws std::runtime_error.
void save(const LoaderState& state, const std::string& path);

/// The state that save() wrote to a file. Throws std::runtime_error, naming the file.
LoaderState load_state(const std::string& path);

}  // namespace millrace
