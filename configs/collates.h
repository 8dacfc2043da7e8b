#pragma once

#include <variant>

#include "millrace/configs/node.h"
#include "millrace/loader/collate.h"

/// Collate functions from configurations.
namespace millrace::configs {

/// The collate functions that make columns of any sample, which is what a loader made from YAML delivers.
using Collate = std::variant<collate::Default, collate::Pad, collate::Ragged>;

/// The collate function that a section names, one of tables::NamedCollates. Throws ConfigError.
Collate read_collate(const Node& collate);

}  // namespace millrace::configs
