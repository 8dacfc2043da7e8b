#pragma once

#include <string>
#include <vector>

#include "millrace/configs/node.h"

/// Checks of a configuration by the tables alone: nothing is opened, and LibTorch is not needed.
namespace millrace::configs {

/// What a program adds to the tables. Its own sections are read by itself, and not looked at here.
struct OwnTypes {
  std::vector<std::string> datasets =
      {};  ///< Names that `dataset.type` may have; such a section's transforms are its own.
};

/// Checks the sections that describe a loader, dataset, transforms, sampler, collate and loader, in the map that has
/// them. Throws ConfigError with all that is wrong with them.
void check_pipeline(const Node& pipeline, const OwnTypes& own = {});

/// Checks all sections of a run, and that there are no others. Throws ConfigError with all that is wrong.
void check_run(const Node& run, const OwnTypes& own = {});

/// load() and check_run(). Throws ConfigError with the problems of both.
Node load_run(const std::string& file, const std::vector<std::string>& overrides, const OwnTypes& own = {});

}  // namespace millrace::configs
