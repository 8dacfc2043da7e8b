#pragma once

#include <functional>
#include <string>
#include <vector>

#include "millrace/configs/node.h"
#include "millrace/configs/own_types.h"

/// Checks of a configuration by the tables alone: nothing is opened, and LibTorch is not needed.
namespace millrace::configs {

/// Checks the sections that describe a loader, dataset, transforms, sampler, collate and loader, in the map that has
/// them. Throws ConfigError with all that is wrong with them.
void check_pipeline(const Node& pipeline, const OwnTypes& own = {});

/// Checks all sections of a run, and that there are no others. Throws ConfigError with all that is wrong.
void check_run(const Node& run, const OwnTypes& own = {});

/// Says what types a program adds, for a run that is read and not checked yet: it may name libraries that add some.
using FindOwnTypes = std::function<OwnTypes(const Node& run)>;

/// load() and check_run(). Throws ConfigError with the problems of both, and of `find_own`, without which unknown names
/// are left alone.
Node load_run(const std::string& file, const std::vector<std::string>& overrides, const FindOwnTypes& find_own);
Node load_run(const std::string& file, const std::vector<std::string>& overrides);

}  // namespace millrace::configs
