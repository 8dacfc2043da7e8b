#pragma once

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <typeinfo>
#include <utility>
#include <vector>

#include "millrace/loader/collate.h"
#include "millrace/loader/collation/fields.h"
#include "millrace/loader/collation/packed.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/sources/local_batches.h"
#include "millrace/loader/sources/source_for.h"
#include "millrace/loader/sources/source_parts.h"

// DataLoaderOptions::check_copies: compares what a copy that has travelled gives with what the original gives.
namespace millrace::detail {

/// A dataset and its collate function, as a Source is made of.
template <class D, class Collate>
struct DatasetAndCollate {
  std::shared_ptr<D> dataset;
  Collate collate;
};

/// The bytes of a value, with its tensors' types and shapes, for comparing.
std::vector<std::byte> bytes_of(const PackedBatch& batch);

/// Throws the std::logic_error that says how the copy differs.
[[noreturn]] void throw_other_copy(const std::type_info& dataset, const std::string& what);

/// Seeds torch's default generator, for datasets that draw from it, and puts it back where it was.
class DefaultGeneratorSeeded {
 public:
  explicit DefaultGeneratorSeeded(uint64_t seed);
  ~DefaultGeneratorSeeded();
  DefaultGeneratorSeeded(const DefaultGeneratorSeeded&) = delete;
  DefaultGeneratorSeeded& operator=(const DefaultGeneratorSeeded&) = delete;

 private:
  at::Tensor before_;
};

using SampleBytes = std::optional<std::vector<std::byte>>;  // Nothing where reading the sample throws.

template <class B>
std::vector<std::byte> bytes_of_value(const B& value) {
  PackedBatch batch;
  if constexpr (BatchTravels<B>) pack_value(batch, value);
  return bytes_of(batch);
}

template <class Fill>
std::vector<std::byte> bytes_of_row(const SampleSpec& spec, Fill fill) {
  std::vector<std::byte> bytes;
  std::vector<std::vector<std::byte>> fields;
  std::vector<std::byte*> rows;
  for (const auto& field : spec.fields) rows.push_back(fields.emplace_back(field.bytes()).data());
  SampleRow row(spec, rows);
  fill(row);
  for (const auto& field : fields) bytes.insert(bytes.end(), field.begin(), field.end());
  return bytes;
}

template <class D, class Collate>
std::vector<std::byte> read_for_comparing(const DatasetAndCollate<D, Collate>& parts, size_t index, uint64_t seed) {
  D& dataset = *parts.dataset;
  SampleContext context(seed, -1);
  const DefaultGeneratorSeeded seeded(seed);
  constexpr DatasetKind kKind = kind_of<D>();
  if constexpr (kKind == DatasetKind::kInPlace) {
    const SampleSpec spec = dataset.spec();
    return bytes_of_row(spec, [&](SampleRow& row) { dataset.read(index, row, context); });
  } else if constexpr (kKind == DatasetKind::kBatches) {
    return bytes_of_value(dataset.get_batch(std::vector<size_t>{index}));
  } else {
    std::vector<SampleOf<D>> one;
    one.push_back(get_sample(dataset, index, context));
    return bytes_of_value(parts.collate(std::move(one)));
  }
}

/// The first samples of the only stream.
template <class D, class Collate>
std::vector<SampleBytes> stream_for_comparing(const DatasetAndCollate<D, Collate>& parts, int64_t samples,
                                              uint64_t seed) {
  D stream(*parts.dataset);
  std::vector<SampleBytes> read;
  for (int64_t i = 0; i < samples; ++i) {
    StreamContext context(SampleContext(seed + static_cast<uint64_t>(i), -1), 0, 0, 1, i);
    const DefaultGeneratorSeeded seeded(context.seed());
    try {
      auto sample = stream.next(context);
      if (!sample) break;
      std::vector<StreamSampleOf<D>> one;
      one.push_back(*std::move(sample));
      read.emplace_back(bytes_of_value(parts.collate(std::move(one))));
    } catch (...) {
      read.emplace_back();  // The other copy has to throw there, too.
    }
  }
  return read;
}

/// Compares size and `samples` samples of the copy with those of the original, both given the same seeds. Throws
/// std::logic_error. Datasets that give batches of a size are not read, which would use up their samples.
template <class D, class Collate>
void compare_copies(const DatasetAndCollate<D, Collate>& original, const DatasetAndCollate<D, Collate>& copy,
                    int64_t samples, uint64_t seed) {
  constexpr DatasetKind kKind = kind_of<D>();
  size_t size = kUnknownSize;
  if constexpr (Sized<D>) {
    size = size_of(*original.dataset);
    const size_t copied = size_of(*copy.dataset);
    if (copied != size)
      throw_other_copy(typeid(D), "its size() is " + std::to_string(copied) + " instead of " + std::to_string(size));
  }
  const auto compare = [&](const std::string& name, const SampleBytes& one, const SampleBytes& other) {
    if (one != other) throw_other_copy(typeid(D), name + " is another");
  };
  if constexpr (kKind == DatasetKind::kIterable) {
    const auto expected = stream_for_comparing(original, samples, seed);
    const auto read = stream_for_comparing(copy, samples, seed);
    if (read.size() != expected.size())
      throw_other_copy(typeid(D), "its stream ends behind " + std::to_string(read.size()) +
                                      (read.size() == 1 ? " sample, not " : " samples, not ") +
                                      std::to_string(expected.size()));
    for (size_t i = 0; i < read.size(); ++i) compare("sample " + std::to_string(i), expected[i], read[i]);
  } else if constexpr (kKind != DatasetKind::kStateful && !SizeDataset<D>) {
    if (size == kUnknownSize) return;
    const size_t compared = std::min(size, static_cast<size_t>(samples));
    const auto read = [&](const auto& parts, size_t index) -> SampleBytes {
      try {
        return read_for_comparing(parts, index, seed + index);
      } catch (...) {
        return std::nullopt;  // The other copy has to throw there, too.
      }
    };
    for (size_t i = 0; i < compared; ++i) {
      const size_t index = i * size / compared;  // Samples from all parts of the dataset.
      compare("sample " + std::to_string(index), read(original, index), read(copy, index));
    }
  }
}

}  // namespace millrace::detail
