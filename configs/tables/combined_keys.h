#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/configs/tables/key.h"

/// Datasets of the section `dataset` that are made of others, each a section of the same kind.
namespace millrace::configs::tables {

template <class Owner>
constexpr auto inner_key(InnerDataset Owner::* member) {
  return key("dataset", member, "The dataset inside.").required();
}

template <class Owner>
constexpr auto inner_key(InnerDatasets Owner::* member) {
  return key("datasets", member, "The datasets inside.").required();
}

struct Concat {
  InnerDatasets datasets;

  static constexpr std::string_view kName = "concat";
  static constexpr std::string_view kMakes = "ConcatDataset";
  static constexpr std::string_view kAbout = "Datasets of the same fields, one behind the other.";
  static constexpr auto keys() { return list(inner_key(&Concat::datasets)); }
};

struct Subset {
  InnerDataset dataset;
  std::optional<std::vector<int64_t>> indices;
  int64_t first = 0;
  std::optional<int64_t> last;
  int64_t step = 1;

  static constexpr std::string_view kName = "subset";
  static constexpr std::string_view kMakes = "Subset";
  static constexpr std::string_view kAbout = "Some samples of a dataset: a list of them, or a slice.";
  static constexpr auto keys() {
    return list(inner_key(&Subset::dataset),
                key("indices", &Subset::indices, "Which samples, from 0.").otherwise("the slice"),
                key("first", &Subset::first, "The first of the slice.").at_least(0),
                key("last", &Subset::last, "The one behind the last.").at_least(0).otherwise("all"),
                key("step", &Subset::step, "From one to the next.").at_least(1));
  }
};

struct RandomSplit {
  InnerDataset dataset;
  std::vector<double> lengths;
  int64_t part = 0;
  uint64_t seed = 0;

  static constexpr std::string_view kName = "random_split";
  static constexpr std::string_view kMakes = "random_split";
  static constexpr std::string_view kAbout =
      "One of several parts of a dataset that do not overlap, drawn at random, index for index PyTorch's.";
  static constexpr auto keys() {
    return list(
        inner_key(&RandomSplit::dataset),
        key("lengths", &RandomSplit::lengths, "Of all parts: fractions of 1, or numbers of samples.").required(),
        key("part", &RandomSplit::part, "Which of the parts, from 0.").at_least(0),
        key("seed", &RandomSplit::seed, "Seeds the split; one for all parts."));
  }
};

struct Stack {
  InnerDatasets datasets;
  std::vector<std::string> names;

  static constexpr std::string_view kName = "stack";
  static constexpr std::string_view kMakes = "StackDataset";
  static constexpr std::string_view kAbout = "Datasets side by side: sample i is sample i of each.";
  static constexpr auto keys() {
    return list(inner_key(&Stack::datasets),
                key("names", &Stack::names, "The names of each one's fields in a batch.").otherwise("0, 1, …"));
  }
};

struct Chain {
  InnerDatasets datasets;

  static constexpr std::string_view kName = "chain";
  static constexpr std::string_view kMakes = "ChainDataset";
  static constexpr std::string_view kAbout = "Streams of one type, which the program adds, one behind the other.";
  static constexpr auto keys() { return list(inner_key(&Chain::datasets)); }
};

/// The table of datasets made of others, but for Chain, whose parts have no indices.
using CombinedDatasets = TypeList<Concat, Subset, RandomSplit, Stack>;

}  // namespace millrace::configs::tables
