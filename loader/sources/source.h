#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "millrace/loader/sample_row.h"
#include "millrace/loader/sources/fill_request.h"

namespace millrace {

/// The size of a dataset that does not know its size. Its sampler says how long an epoch is.
constexpr size_t kUnknownSize = std::numeric_limits<int64_t>::max();

/// The size. Throws std::invalid_argument when it is not known.
inline size_t known_size(size_t size) {
  if (size == kUnknownSize)
    throw std::invalid_argument("Expected the dataset to be sized in order to construct the Sampler");
  return size;
}

/// Room for a packed sample of which nothing is known.
constexpr uint64_t kUnknownSampleBytes = 64 << 10;

/// The spec of packed batches whose samples take about so many bytes.
inline SampleSpec packed_spec(uint64_t bytes_a_sample) {
  return {{"packed", c10::ScalarType::Byte, {static_cast<int64_t>(bytes_a_sample)}}};
}

/// A dataset as the loader sees it, its type erased: something that fills batches.
///
/// A source is of one of two sorts. Either every sample has the same fixed fields, and the worker that claimed it
/// writes them into its row; or batches are packed, and one worker makes and writes each as one value. Each worker uses
/// a Source of its own, so fill() is called by one thread at a time.
class Source {
 public:
  enum class Kind {
    kRows,     ///< Random access, fixed fields.
    kPacked,   ///< Random access, any batch.
    kStreams,  ///< No indices: sequences that are read from beginning to end, in packed batches.
  };

  virtual ~Source() = default;

  virtual Kind kind() const = 0;

  /// The number of samples; kUnknownSize where only a sampler knows it, and 0 where a dataset of streams does not know
  /// it.
  virtual size_t size() const = 0;

  /// What every sample looks like, where that is known without reading one. For packed batches and streams it is one
  /// field of bytes: the room that a sample is expected to take. A batch that needs more travels by message.
  virtual std::optional<SampleSpec> known_spec() = 0;

  /// What every sample looks like, as sample `index` shows, which is read for it. Throws what the dataset throws.
  /// REQUIRES: known_spec() is none; index < size().
  virtual SampleSpec read_spec(size_t index) = 0;

  /// Tells what samples look like, before the first fill(): every worker goes by what was found once.
  virtual void set_spec(SampleSpec spec) = 0;

  /// The most streams that the source may be cut into.
  virtual int64_t max_streams() const { return std::numeric_limits<int64_t>::max(); }

  /// Throws DecodeError when a stream's dataset cannot have given `state`, which is empty where none was given.
  virtual void check_state(std::span<const std::byte> state) const {
    if (!state.empty()) throw DecodeError("this dataset has no state()");
  }

  /// The LocalBatches of a source whose batches cannot leave this process; else null.
  virtual std::shared_ptr<void> local_batches() const { return nullptr; }

  /// Reads the samples of a request, and writes them to its place. Throws what the dataset throws.
  virtual void fill(FillRequest& request) = 0;

  /// Names a sample in errors: a path, a key. Empty where the dataset has no names. REQUIRES: index < size().
  virtual std::string describe(size_t index) const = 0;

  /// Another source for another worker thread: a copy where the dataset can be copied, else the same object, whose
  /// reading must then be safe from several threads.
  virtual std::unique_ptr<Source> clone() const = 0;
};

}  // namespace millrace
