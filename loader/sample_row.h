#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/ScalarType.h>

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/loader/sample_rng.h"
#include "millrace/sharing/os/printable.h"

namespace millrace {

/// One field of a sample: its name, element type and shape without the batch dimension ({} is a scalar). In a batch the
/// field is one contiguous tensor of shape {batch size, shape...}.
struct FieldSpec {
  std::string name;
  c10::ScalarType dtype = c10::ScalarType::Undefined;
  std::vector<int64_t> shape;

  size_t numel() const;
  size_t bytes() const;  ///< The size of one sample's row.
  bool operator==(const FieldSpec&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, dtype, shape);
  }
};

/// What every sample of a dataset looks like. The first field is Batch::data(), the second Batch::target().
struct SampleSpec {
  std::vector<FieldSpec> fields;

  SampleSpec() = default;
  SampleSpec(std::initializer_list<FieldSpec> list) : fields(list) {}

  bool operator==(const SampleSpec&) const = default;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(fields);
  }
};

/// "image: Byte [3, 224, 224], label: Long []", for messages and states: types as torch names them.
std::string to_string(const SampleSpec& spec);

/// Where one sample is written: its row of every field of the batch, in memory that the trainer will read without a
/// copy.
///
/// A value of two pointers, valid during the read() call that received it. What read() does not write keeps the bytes
/// of an earlier batch. Not thread-safe; each row is written by one worker.
class SampleRow {
 public:
  SampleRow(const SampleSpec& spec, std::span<std::byte* const> rows) : spec_(&spec), rows_(rows) {}

  /// The field's row as elements of T, in C order. Throws std::invalid_argument when the field has another type or
  /// name.
  template <class T>
  std::span<T> span(std::string_view field);

  /// Writes a scalar field. Throws as span(), and when the field is no scalar.
  template <class T>
  void set(std::string_view field, T value);

  /// The raw bytes of field number `field`.
  std::span<std::byte> bytes(size_t field) { return {rows_[field], spec_->fields[field].bytes()}; }

  const SampleSpec& spec() const { return *spec_; }

 private:
  std::byte* find(std::string_view field, c10::ScalarType dtype, size_t* numel) const;

  const SampleSpec* spec_;
  std::span<std::byte* const> rows_;
};

/// What a dataset may know while it reads one sample. Owned by the worker; valid during the call.
class SampleContext {
 public:
  /// A context for one sample. `seed` is the sample's own, see seeds.h; `worker` counts from 0, and is -1 in the
  /// trainer itself. `generator` is what generator() gives; an undefined one is replaced by one made from the seed.
  SampleContext(uint64_t seed, int worker, at::Generator generator = {})
      : rng_(seed), seed_(seed), worker_(worker), generator_(std::move(generator)) {}

  /// The sample's random stream. Draw from it alone to get the same batches for any number of workers.
  SampleRng& rng() { return rng_; }

  /// The same stream's seed in a torch generator, for randn and the like. Made on first use, once per sample. With
  /// SeedMode::kTorch it is torch's default generator, seeded as PyTorch seeds its workers.
  at::Generator& generator();

  int worker() const { return worker_; }
  uint64_t seed() const { return seed_; }

 private:
  SampleRng rng_;
  uint64_t seed_;
  int worker_;
  at::Generator generator_;
};

/// What a stream may know while it gives its next sample: also which part of the data is its own.
class StreamContext : public SampleContext {
 public:
  StreamContext(SampleContext sample, int64_t epoch, int64_t shard, int64_t num_shards, int64_t position)
      : SampleContext(std::move(sample)), epoch_(epoch), shard_(shard), num_shards_(num_shards), position_(position) {}

  /// This stream's number, which is not a worker's, so that batches do not depend on workers. The dataset gives the
  /// samples of part shard() of num_shards(). Where there are several streams, one that gives samples without having
  /// asked for shard() is an error: every stream would give the same ones.
  int64_t shard() const {
    part_asked_ = true;
    return shard_;
  }
  /// The number of streams that the dataset is cut into.
  int64_t num_shards() const { return num_shards_; }

  /// Whether the dataset has asked for shard() in this call.
  bool part_asked() const { return part_asked_; }

  int64_t epoch() const { return epoch_; }
  int64_t position() const { return position_; }  ///< Samples that the stream gave before in this epoch.

 private:
  int64_t epoch_;
  int64_t shard_;
  int64_t num_shards_;
  int64_t position_;
  mutable bool part_asked_ = false;  // Changes in a constant context too.
};

template <class T>
std::span<T> SampleRow::span(std::string_view field) {
  size_t numel = 0;
  std::byte* row = find(field, c10::CppTypeToScalarType<T>::value, &numel);
  return {reinterpret_cast<T*>(row), numel};
}

template <class T>
void SampleRow::set(std::string_view field, T value) {
  const auto row = span<T>(field);
  if (row.size() != 1) throw std::invalid_argument("field " + in_quotes(field) + " is no scalar, write its span");
  row[0] = value;
}

}  // namespace millrace
