#pragma once

#include <functional>

#include "millrace/configs/node.h"
#include "millrace/configs/tables/combined_keys.h"
#include "millrace/loader/datasets/any_dataset.h"

/// Datasets made of others, from configurations: an overload for each type of tables::CombinedDatasets.
namespace millrace::configs {

/// Opens the dataset of a section that stands in another.
using OpenPart = std::function<AnyDataset(const Node& dataset)>;

/// `section` is the whole one that `keys` were read from. Throw ConfigError.
AnyDataset combine(const tables::Concat& keys, const Node& section, const OpenPart& open);
AnyDataset combine(const tables::Subset& keys, const Node& section, const OpenPart& open);
AnyDataset combine(const tables::RandomSplit& keys, const Node& section, const OpenPart& open);
AnyDataset combine(const tables::Stack& keys, const Node& section, const OpenPart& open);

}  // namespace millrace::configs
