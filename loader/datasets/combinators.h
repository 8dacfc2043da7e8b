#pragma once

#include <ATen/core/Generator.h>
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <memory>
#include <numeric>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/collation/fields.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/datasets/shared_bytes.h"
#include "millrace/loader/datasets/stack_dataset.h"
#include "millrace/loader/sample_row.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequence_sampler.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/notice.h"

// Datasets made of tensors and of other datasets, by PyTorch's names. Each fulfils the concepts that its inner datasets
// fulfil: it reads in place, gets, describes, labels and travels where they do. All are values; an inner dataset is
// copied in, so it should be one whose copies share what is large, as the datasets of this library are. An index
// outside the dataset throws std::out_of_range. Thread rules are those of the inner datasets.
namespace millrace {

/// The rows of given tensors: sample i is row i of each (PyTorch's TensorDataset), read in place.
///
/// The tensors are copied once, when the dataset is made, into one piece of shared memory for all processes; copies of
/// the dataset share it. Tensors of devices are copied to the CPU. Fields are named "data", "target", "2", "3", …, or
/// as given.
class TensorDataset {
 public:
  TensorDataset() = default;  ///< For the receiving side of serialize().

  /// Throws std::invalid_argument when there is no tensor, one has no dimension or is not dense, sizes of the first
  /// dimension differ, or there is not one name a tensor; OutOfSharedMemory.
  explicit TensorDataset(const std::vector<at::Tensor>& tensors, std::vector<std::string> names = {});

  size_t size() const { return size_; }
  SampleSpec spec() const { return spec_; }

  void read(size_t index, SampleRow& row, SampleContext& context) const;

  void save(EncodeArchive& archive) const;
  void load(DecodeArchive& archive);

 private:
  uint64_t size_ = 0;
  SampleSpec spec_;
  std::vector<uint64_t> offsets_;  // Where each tensor's rows begin in rows_, in bytes.
  detail::SharedBytes rows_;
};

/// Datasets of one type, one behind the other (PyTorch's ConcatDataset).
///
/// The sizes of the inner datasets are asked once, when this one is made. Datasets that read in place must have one
/// spec.
template <Dataset D>
class ConcatDataset {
 public:
  ConcatDataset() = default;  ///< For the receiving side of serialize().

  /// Throws std::invalid_argument when there are no datasets.
  explicit ConcatDataset(std::vector<D> datasets) : datasets_(std::move(datasets)) {
    if (datasets_.empty()) throw std::invalid_argument("ConcatDataset: datasets should not be an empty iterable");
    for (auto& dataset : datasets_)
      ends_.push_back((ends_.empty() ? 0 : ends_.back()) + static_cast<uint64_t>(dataset.size()));
  }

  size_t size() const { return ends_.empty() ? 0 : ends_.back(); }

  /// How many samples the first 1, 2, … datasets have together.
  const std::vector<uint64_t>& cumulative_sizes() const { return ends_; }

  /// The spec that all datasets have. Throws std::invalid_argument when they differ.
  SampleSpec spec()
    requires InPlaceDataset<D> {
    const SampleSpec first = datasets_.front().spec();
    for (size_t part = 1; part < datasets_.size(); ++part) {
      const SampleSpec other = datasets_[part].spec();
      if (other != first)
        throw std::invalid_argument("ConcatDataset: samples of dataset 0 are {" + to_string(first) +
                                    "}, those of dataset " + std::to_string(part) + " {" + to_string(other) + "}");
    }
    return first;
  }

  void read(size_t index, SampleRow& row, SampleContext& context)
    requires InPlaceDataset<D> {
    const auto [part, inner] = find(index);
    datasets_[part].read(inner, row, context);
  }

  auto get(size_t index, SampleContext& context)
    requires detail::GetsWithContext<D> {
    const auto [part, inner] = find(index);
    return datasets_[part].get(inner, context);
  }

  auto get(size_t index)
    requires detail::GetsByIndexAlone<D> {
    const auto [part, inner] = find(index);
    return datasets_[part].get(inner);
  }

  std::string describe(size_t index) const
    requires detail::Describes<D> {
    const auto [part, inner] = find(index);
    return std::string(datasets_[part].describe(inner));
  }

  int64_t label(size_t index) const
    requires detail::Labels<D> {
    const auto [part, inner] = find(index);
    return datasets_[part].label(inner);
  }

  template <class Archive>
    requires detail::Travels<D>
  void serialize(Archive& archive) {
    archive(datasets_, ends_);
  }

 private:
  struct Place {
    size_t part;
    size_t index;
  };

  Place find(size_t index) const {
    detail::require_index("ConcatDataset", index, size());
    const auto part = static_cast<size_t>(std::upper_bound(ends_.begin(), ends_.end(), index) - ends_.begin());
    return {part, index - (part == 0 ? 0 : ends_[part - 1])};
  }

  std::vector<D> datasets_;
  std::vector<uint64_t> ends_;
};

/// Some samples of a dataset: sample i is its sample indices[i] (PyTorch's Subset).
///
/// The indices are in memory that all processes and all copies share.
template <Dataset D>
class Subset {
 public:
  Subset() = default;  ///< For the receiving side of serialize().

  /// Throws std::out_of_range for an index that the dataset has not (indices do not count from the end).
  Subset(D dataset, const std::vector<int64_t>& indices)
      : dataset_(std::move(dataset)), samples_(static_cast<uint64_t>(dataset_.size())) {
    for (size_t i = 0; i < indices.size(); ++i) require_sample(i, indices[i]);
    const size_t bytes = indices.size() * sizeof(int64_t);
    indices_ = detail::SharedBytes::make("subset", bytes,
                                         [&](std::byte* memory) { std::memcpy(memory, indices.data(), bytes); });
  }

  /// A subset by a range of integers, such as std::views::iota(0, 100).
  template <RangeOfIndices R>
    requires(!std::same_as<std::remove_cvref_t<R>, std::vector<int64_t>>)
  Subset(D dataset, R&& indices) : Subset(std::move(dataset), as_indices(std::forward<R>(indices))) {}

  /// Every `step`th of its samples, from number `first` to before number `last`, as Python's subset[first:last:step]
  /// but for numbers that count from the end. Throws std::out_of_range for numbers beyond its size, and
  /// std::invalid_argument for a step that is not positive.
  Subset slice(size_t first, size_t last, size_t step = 1) const {
    if (first > last || last > size())
      throw std::out_of_range("Subset: there is no slice from " + std::to_string(first) + " to " +
                              std::to_string(last) + " of " + counted(size(), "sample"));
    if (step == 0) throw std::invalid_argument("Subset: the step of a slice must be positive, but it is 0");
    std::vector<int64_t> chosen;
    for (size_t i = first; i < last; i += std::min(step, last - i)) chosen.push_back(indices()[i]);
    return Subset(dataset_, chosen);
  }

  size_t size() const { return indices_.size() / sizeof(int64_t); }
  const D& dataset() const { return dataset_; }
  std::span<const int64_t> indices() const { return {reinterpret_cast<const int64_t*>(indices_.data()), size()}; }

  SampleSpec spec()
    requires InPlaceDataset<D> {
    return dataset_.spec();
  }

  void read(size_t index, SampleRow& row, SampleContext& context)
    requires InPlaceDataset<D> {
    dataset_.read(find(index), row, context);
  }

  auto get(size_t index, SampleContext& context)
    requires detail::GetsWithContext<D> {
    return dataset_.get(find(index), context);
  }

  auto get(size_t index)
    requires detail::GetsByIndexAlone<D> {
    return dataset_.get(find(index));
  }

  std::string describe(size_t index) const
    requires detail::Describes<D> {
    return std::string(dataset_.describe(find(index)));
  }

  int64_t label(size_t index) const
    requires detail::Labels<D> {
    return dataset_.label(find(index));
  }

  template <class Archive>
    requires detail::Travels<D>
  void serialize(Archive& archive) {
    archive(dataset_, indices_, samples_);
  }

 private:
  template <class R>
  static std::vector<int64_t> as_indices(R&& range) {
    std::vector<int64_t> indices;
    for (const auto index : range) indices.push_back(static_cast<int64_t>(index));
    return indices;
  }

  size_t find(size_t index) const {
    detail::require_index("Subset", index, size());
    const int64_t found = indices()[index];
    require_sample(index, found);  // Here too: the table may have come from elsewhere.
    return static_cast<size_t>(found);
  }

  void require_sample(size_t i, int64_t index) const {
    if (index < 0 || static_cast<uint64_t>(index) >= samples_)
      throw std::out_of_range("Subset: indices[" + std::to_string(i) + "] is " + std::to_string(index) +
                              ", but the dataset has " + counted(samples_, "sample"));
  }

  D dataset_;
  detail::SharedBytes indices_;
  uint64_t samples_ = 0;  // The size of dataset_.
};

namespace detail {

// Whole numbers are lengths; fractions become floor(n * fraction), and what is left is dealt out one by one.
template <class Number>
std::vector<int64_t> split_lengths(size_t n, const std::vector<Number>& lengths) {
  std::vector<int64_t> counts;
  if constexpr (std::is_floating_point_v<Number>) {
    const double sum = std::accumulate(lengths.begin(), lengths.end(), 0.0);
    if (!(std::abs(sum - 1) <= 1e-9))
      throw std::invalid_argument("random_split: fractions sum to " + std::to_string(sum) + ", but must sum to 1");
    for (size_t k = 0; k < lengths.size(); ++k) {
      if (!(lengths[k] >= 0 && lengths[k] <= 1))
        throw std::invalid_argument("random_split: Fraction at index " + std::to_string(k) + " is not between 0 and 1");
      counts.push_back(static_cast<int64_t>(std::floor(static_cast<double>(n) * lengths[k])));
    }
    int64_t rest = static_cast<int64_t>(n) - std::accumulate(counts.begin(), counts.end(), int64_t{0});
    for (size_t k = 0; rest > 0; k = (k + 1) % counts.size(), --rest) ++counts[k];
    for (size_t k = 0; k < counts.size(); ++k)
      if (counts[k] == 0)
        tell(NoticeLevel::kWarning, "random_split: Length of split at index " + std::to_string(k) +
                                        " is 0. This might result in an empty dataset.");
  } else {
    for (const Number length : lengths) counts.push_back(static_cast<int64_t>(length));
  }
  const auto negative = std::find_if(counts.begin(), counts.end(), [](int64_t count) { return count < 0; });
  const int64_t sum = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  if (negative != counts.end() || sum != static_cast<int64_t>(n))
    throw std::invalid_argument("random_split: lengths " +
                                (negative != counts.end()
                                     ? "must not be negative, but one is " + std::to_string(*negative)
                                     : "sum to " + std::to_string(sum)) +
                                "; the dataset has " + counted(n, "sample"));
  return counts;
}

// Cuts the sampler's order into subsets. REQUIRES: the order has as many indices as `counts` sum to. Not one index more
// is asked for, because asking a sampler for what comes behind its last index draws once more from a generator.
template <class D>
std::vector<Subset<D>> deal_out(const D& dataset, const std::vector<int64_t>& counts,
                                std::optional<RandomSampler> sampler) {
  std::vector<Subset<D>> splits;
  std::vector<int64_t> indices;
  for (const int64_t count : counts) {
    indices.clear();
    for (int64_t i = 0; i < count; ++i) indices.push_back(*sampler->next());
    splits.emplace_back(dataset, indices);
  }
  return splits;
}

}  // namespace detail

/// Parts of a dataset that do not overlap, drawn at random; index for index PyTorch's
/// random_split(dataset, lengths, torch.Generator().manual_seed(seed)), torch 2.11.
///
/// Whole numbers are the parts' sizes. Floating-point numbers are fractions: each product is rounded down, and the
/// samples that are left go to the first parts, one each. A warning tells of a fraction that gives an empty part.
///
///   auto parts = random_split(photos, {0.9, 0.1}, /*seed=*/0);
///
/// Throws std::invalid_argument when lengths do not sum to the dataset's size, or fractions to 1.
template <Dataset D, class Number>
  requires std::is_arithmetic_v<Number>
std::vector<Subset<D>> random_split(D dataset, const std::vector<Number>& lengths, uint64_t seed = 0) {
  const auto n = static_cast<int64_t>(dataset.size());
  const auto counts = detail::split_lengths(dataset.size(), lengths);
  std::optional<RandomSampler> order;
  if (n > 0) order.emplace(n, RandomSamplerOptions{.seed = seed});
  return detail::deal_out(dataset, counts, std::move(order));
}

/// random_split() with one permutation drawn from the caller's generator.
template <Dataset D, class Number>
  requires std::is_arithmetic_v<Number>
std::vector<Subset<D>> random_split(D dataset, const std::vector<Number>& lengths, at::Generator generator) {
  const auto n = static_cast<int64_t>(dataset.size());
  const auto counts = detail::split_lengths(dataset.size(), lengths);
  std::optional<RandomSampler> order;
  if (n > 0) order.emplace(n, std::move(generator));
  return detail::deal_out(dataset, counts, std::move(order));
}

/// random_split() for lengths that are written in braces.
template <Dataset D, class Number, class Source = uint64_t>
  requires std::is_arithmetic_v<Number>
std::vector<Subset<D>> random_split(D dataset, std::initializer_list<Number> lengths, Source seed_or_generator = 0) {
  return random_split(std::move(dataset), std::vector<Number>(lengths), std::move(seed_or_generator));
}

}  // namespace millrace
