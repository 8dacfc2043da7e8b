#pragma once

#include <string>
#include <vector>

#include "millrace/configs/origin.h"

/// The configurations that Millrace brings along: configs/ of the source tree, PREFIX/share/millrace/configs.
namespace millrace::configs {

struct ShippedConfig {
  std::string name;   ///< "photos".
  std::string path;   ///< The whole path of its file.
  std::string about;  ///< The first line of its comment.
};

/// All there are, by their names. They are found by the place of the program that runs: none for a program that is no
/// part of Millrace's build or installation.
std::vector<ShippedConfig> shipped_configs();

/// The file that is meant by the name of a configuration: the file of that name in `directory`, else NAME.yaml there,
/// else the one that Millrace brings along. A file that names itself, at `named_at`, means the one that Millrace brings
/// along, too: so photos.yaml may include photos. Throws ConfigError, with the nearest name, when there is none of
/// these.
std::string find_config(const std::string& name, const Origin& named_at, const std::string& directory);

}  // namespace millrace::configs
