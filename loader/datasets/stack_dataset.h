#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "millrace/loader/collation/fields.h"
#include "millrace/loader/dataset.h"
#include "millrace/loader/sample.h"
#include "millrace/loader/sample_row.h"
#include "millrace/sharing/os/counted.h"

// A dataset made of others, which lie side by side; see combinators.h for what all those have in common.
namespace millrace {

/// A dataset with the name that its values have in a StackDataset.
template <Dataset D>
struct Named {
  std::string name;
  D dataset;
};

namespace detail {

// What is given to a StackDataset: a dataset, or a named one.
template <class D>
struct StackPart {
  using Dataset = D;
  static constexpr bool kNamed = false;
  static D dataset(D part) { return part; }
  static std::string name(const D&) { return {}; }
};

template <class D>
struct StackPart<Named<D>> {
  using Dataset = D;
  static constexpr bool kNamed = true;
  static D dataset(Named<D> part) { return std::move(part.dataset); }
  static std::string name(const Named<D>& part) { return part.name; }
};

// A dataset whose samples are one value each, which becomes a field of a Sample.
template <class D>
concept GetsOneValue =
    GetDataset<D> && (std::is_arithmetic_v<SampleOf<D>> || std::constructible_from<SampleValue, SampleOf<D>>);

// Throws std::invalid_argument for a name that is empty or comes twice.
void require_part_names(const std::vector<std::string>& names);

}  // namespace detail

/// Datasets side by side: sample i is sample i of each (PyTorch's StackDataset).
///
/// Where all datasets give samples by get(), a sample is their std::tuple. Otherwise it is read in place, with the
/// fields named "0.image", "1.data", … as the tuple's would be. The datasets draw from one random stream, the first one
/// first.
///
///   StackDataset both(Named{"picture", photos}, Named{"caption", captions});  // batch["picture"], batch["caption"]
///
/// Datasets with names are PyTorch's keyword arguments. Where each gives one value by get(), a sample is a Sample of
/// these values. Otherwise it is read in place: the field of a dataset of one field has the dataset's name, others are
/// "name.field".
template <class... D>
class StackDataset {
  static_assert(sizeof...(D) > 0, "at least one dataset should be passed");
  static constexpr bool kNamed = (detail::StackPart<D>::kNamed && ...);
  static constexpr bool kNumbered = (!detail::StackPart<D>::kNamed && ...);
  static_assert(kNamed || kNumbered, "either all datasets of a StackDataset have names, or none");
  static constexpr bool kGets = !kNamed && (GetDataset<typename detail::StackPart<D>::Dataset> && ...);
  static constexpr bool kGetsSamples = kNamed && (detail::GetsOneValue<typename detail::StackPart<D>::Dataset> && ...);

 public:
  StackDataset() = default;  ///< For the receiving side of serialize().

  /// Throws std::invalid_argument when the datasets are not of one size, or a name is empty or comes twice.
  explicit StackDataset(D... datasets)
      : names_{detail::StackPart<D>::name(datasets)...},
        datasets_(detail::StackPart<D>::dataset(std::move(datasets))...) {
    if (kNamed) detail::require_part_names(names_);
    const auto sizes =
        std::apply([](auto&... dataset) { return std::array{static_cast<uint64_t>(dataset.size())...}; }, datasets_);
    size_ = sizes[0];
    for (size_t k = 1; k < sizes.size(); ++k)
      if (sizes[k] != size_)
        throw std::invalid_argument("StackDataset: Size mismatch between datasets: dataset 0 has " +
                                    counted(size_, "sample") + ", dataset " + std::to_string(k) + " has " +
                                    std::to_string(sizes[k]));
  }

  size_t size() const { return size_; }

  auto get(size_t index, SampleContext& context)
    requires kGets {
    detail::require_index("StackDataset", index, size_);
    return std::apply(
        [&](auto&... dataset) {
          // Braces, since their elements are evaluated from left to right.
          return std::tuple<detail::SampleOf<std::remove_cvref_t<decltype(dataset)>>...>{
              detail::get_sample(dataset, index, context)...};
        },
        datasets_);
  }

  Sample get(size_t index, SampleContext& context)
    requires kGetsSamples {
    detail::require_index("StackDataset", index, size_);
    return std::apply(
        [&](auto&... dataset) {
          size_t part = 0;
          return Sample{Sample::Field(names_[part++], detail::get_sample(dataset, index, context))...};
        },
        datasets_);
  }

  SampleSpec spec()
    requires(!kGets && !kGetsSamples) {
    SampleSpec spec;
    for_each([&](auto& /*dataset*/, const SampleSpec& of_part, size_t part) {
      for (FieldSpec field : of_part.fields) {
        if (!kNamed)
          field.name = std::to_string(part) + "." + field.name;
        else
          field.name = of_part.fields.size() == 1 ? names_[part] : names_[part] + "." + field.name;
        spec.fields.push_back(std::move(field));
      }
    });
    return spec;
  }

  void read(size_t index, SampleRow& row, SampleContext& context)
    requires(!kGets && !kGetsSamples) {
    detail::require_index("StackDataset", index, size_);
    size_t field = 0;
    std::vector<std::byte*> rows;
    for_each([&](auto& dataset, const SampleSpec& of_part, size_t /*part*/) {
      rows.clear();
      for (size_t k = 0; k < of_part.fields.size(); ++k) rows.push_back(row.bytes(field++).data());
      SampleRow of_dataset(of_part, rows);
      if constexpr (InPlaceDataset<std::remove_cvref_t<decltype(dataset)>>)
        dataset.read(index, of_dataset, context);
      else
        collate::write_sample(of_dataset, detail::get_sample(dataset, index, context));
    });
  }

  /// The descriptions of the sample by the datasets that describe theirs, joined by ", ".
  std::string describe(size_t index) const
    requires(detail::Describes<typename detail::StackPart<D>::Dataset> || ...) {
    detail::require_index("StackDataset", index, size_);
    std::string text;
    const auto add = [&](const auto& dataset) {
      if constexpr (detail::Describes<std::remove_cvref_t<decltype(dataset)>>)
        text += (text.empty() ? "" : ", ") + std::string(dataset.describe(index));
    };
    std::apply([&](const auto&... dataset) { (add(dataset), ...); }, datasets_);
    return text;
  }

  template <class Archive>
    requires(detail::Travels<typename detail::StackPart<D>::Dataset> && ...)
  void serialize(Archive& archive) {
    archive(names_, datasets_, size_);
  }

 private:
  template <class One>
  static SampleSpec spec_of(One& dataset) {
    if constexpr (InPlaceDataset<One>) {
      return dataset.spec();
    } else {
      SampleContext context(0, -1);
      return collate::spec_of(detail::get_sample(dataset, 0, context));
    }
  }

  // Calls visit(dataset, its spec, its number) for each. Specs are asked once: an inner dataset may read a sample for
  // its.
  template <class Visit>
  void for_each(const Visit& visit) {
    [&]<size_t... I>(std::index_sequence<I...>) {
      if (specs_.empty()) specs_ = {spec_of(std::get<I>(datasets_))...};
      (visit(std::get<I>(datasets_), specs_[I], I), ...);
    }(std::index_sequence_for<D...>());
  }

  std::vector<std::string> names_;  // The datasets' names; empty strings where they have none.
  std::tuple<typename detail::StackPart<D>::Dataset...> datasets_;
  uint64_t size_ = 0;
  std::vector<SampleSpec> specs_;  // Empty before the first sample.
};

}  // namespace millrace
