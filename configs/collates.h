#pragma once

#include <variant>

#include "millrace/configs/node.h"
#include "millrace/loader/collate.h"

/// Collate functions from configurations.
namespace millrace::configs {

/// Those that make columns of any sample, which is what a loader made from YAML delivers.
using Collate = std::variant<collate::Default, collate::Pad, collate::Ragged>;

/// The function of a section: those of tables::NamedCollates. Throws ConfigError.
Collate read_collate(const Node& collate);

}  // namespace millrace::configs
