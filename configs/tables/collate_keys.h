#pragma once

#include <string_view>

#include "millrace/configs/tables/key.h"

/// The section `collate`: how samples of any shape become a batch. Rows of fixed shapes have no need of it.
namespace millrace::configs::tables {

struct DefaultCollate {
  static constexpr std::string_view kName = "default";
  static constexpr std::string_view kMakes = "collate::Default";
  static constexpr std::string_view kAbout = "As PyTorch's default_collate: tensors are stacked.";
  static constexpr auto keys() { return list(); }
};

struct PadCollate {
  double value = 0;

  static constexpr std::string_view kName = "pad";
  static constexpr std::string_view kMakes = "collate::Pad";
  static constexpr std::string_view kAbout =
      "Tensors of unequal sizes are padded to the largest; their lengths are a column beside them.";
  static constexpr auto keys() { return list(key("value", &PadCollate::value, "What they are padded with.")); }
};

struct RaggedCollate {
  static constexpr std::string_view kName = "ragged";
  static constexpr std::string_view kMakes = "collate::Ragged";
  static constexpr std::string_view kAbout = "Tensors of unequal shapes stay a list, one a sample.";
  static constexpr auto keys() { return list(); }
};

/// The table of collate functions that have a name in YAML, in the order of the reference: those that make columns of
/// any sample, which is what a loader made from YAML delivers. Stack, List and None make batches of other types.
using NamedCollates = TypeList<DefaultCollate, PadCollate, RaggedCollate>;

}  // namespace millrace::configs::tables
