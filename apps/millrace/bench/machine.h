#pragma once

#include <map>
#include <string>

#include "millrace/configs/node.h"

namespace millrace::apps {

/// What may make two measurements differ, by its name.
using Facts = std::map<std::string, std::string>;

/// Of this machine: processor, how many of them may be used, kernel, the versions of Millrace and LibTorch.
Facts facts_of_machine();

/// The scalars of a configuration by the paths of their keys, "loader.num_workers". Values of the environment, which
/// may be secrets, stay ${env:NAME}.
Facts facts_of_settings(const configs::Node& run);

}  // namespace millrace::apps
