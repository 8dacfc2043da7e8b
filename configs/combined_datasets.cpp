#include "millrace/configs/combined_datasets.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "millrace/configs/binder.h"
#include "millrace/loader/datasets/combinators.h"
#include "millrace/loader/datasets/stack_dataset.h"
#include "millrace/sharing/os/counted.h"

namespace millrace::configs {
namespace {

std::vector<AnyDataset> open_parts(const Node& section, const OpenPart& open) {
  const Node list = section["datasets"];
  std::vector<AnyDataset> parts;
  for (const Node& part : list.elements()) parts.push_back(open(part));
  if (parts.empty()) throw list.error("is empty; give at least one dataset");
  return parts;
}

std::vector<int64_t> slice(const tables::Subset& keys, const Node& section, int64_t samples) {
  const int64_t last = keys.last.value_or(samples);
  if (keys.first > last || last > samples)
    throw section.error("there is no slice from " + std::to_string(keys.first) + " to " + std::to_string(last) +
                        ": the dataset has " + counted(samples, "sample"));
  std::vector<int64_t> indices;
  for (int64_t i = keys.first; i < last; i += std::min(keys.step, last - i)) indices.push_back(i);
  return indices;
}

bool are_fractions(const std::vector<double>& lengths) {
  return std::abs(std::accumulate(lengths.begin(), lengths.end(), 0.0) - 1) <= 1e-9;
}

std::vector<int64_t> whole_lengths(const std::vector<double>& lengths, const Node& section) {
  std::vector<int64_t> whole;
  for (const double length : lengths) {
    if (length != std::floor(length) || std::abs(length) > 0x1p53)
      throw section["lengths"].error("expected fractions that sum to 1, or numbers of samples");
    whole.push_back(static_cast<int64_t>(length));
  }
  return whole;
}

/// The first kParts of `parts` side by side.
template <size_t... kParts>
AnyDataset stack(std::index_sequence<kParts...>, std::vector<AnyDataset> parts, const std::vector<std::string>& names) {
  if (names.empty()) return StackDataset(std::move(parts[kParts])...);
  return StackDataset(Named<AnyDataset>{names[kParts], std::move(parts[kParts])}...);
}

/// As many as there are, found by counting up to kMost.
template <size_t kCount, size_t kMost>
AnyDataset stack_of(std::vector<AnyDataset> parts, const std::vector<std::string>& names) {
  if constexpr (kCount < kMost)
    if (parts.size() > kCount) return stack_of<kCount + 1, kMost>(std::move(parts), names);
  return stack(std::make_index_sequence<kCount>(), std::move(parts), names);
}

}  // namespace

AnyDataset combine(const tables::Concat&, const Node& section, const OpenPart& open) {
  auto parts = open_parts(section, open);
  return build_at<std::exception>(section, [&]() -> AnyDataset {
    ConcatDataset<AnyDataset> all(std::move(parts));
    all.spec();  // Parts of other fields are a fault of the configuration.
    return all;
  });
}

AnyDataset combine(const tables::Subset& keys, const Node& section, const OpenPart& open) {
  if (keys.indices && (keys.first != 0 || keys.last || keys.step != 1))
    throw section["indices"].error("first, last and step say which samples too; remove one of the two");
  AnyDataset dataset = open(section["dataset"]);
  const auto indices =
      keys.indices ? *keys.indices : slice(keys, section, static_cast<int64_t>(std::as_const(dataset).size()));
  return build_at<std::exception>(section, [&]() -> AnyDataset { return Subset(std::move(dataset), indices); });
}

AnyDataset combine(const tables::RandomSplit& keys, const Node& section, const OpenPart& open) {
  if (keys.part >= std::ssize(keys.lengths))
    throw section[section.find("part") ? "part" : "lengths"].error(
        "there is no part " + std::to_string(keys.part) + ": lengths has " + std::to_string(keys.lengths.size()));
  AnyDataset dataset = open(section["dataset"]);
  return build_at<std::exception>(section["lengths"], [&]() -> AnyDataset {
    auto parts = are_fractions(keys.lengths)
                     ? random_split(std::move(dataset), keys.lengths, keys.seed)
                     : random_split(std::move(dataset), whole_lengths(keys.lengths, section), keys.seed);
    return std::move(parts[static_cast<size_t>(keys.part)]);
  });
}

AnyDataset combine(const tables::Stack& keys, const Node& section, const OpenPart& open) {
  constexpr size_t kMost = 8;
  auto parts = open_parts(section, open);
  if (parts.size() > kMost) throw section["datasets"].error("has more than " + std::to_string(kMost) + " datasets");
  if (!keys.names.empty() && keys.names.size() != parts.size())
    throw section["names"].error("expected " + counted(parts.size(), "name") + ", one for each dataset, found " +
                                 std::to_string(keys.names.size()));
  return build_at<std::exception>(section, [&] { return stack_of<1, kMost>(std::move(parts), keys.names); });
}

}  // namespace millrace::configs
