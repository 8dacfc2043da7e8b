#pragma once

#include <string>
#include <vector>

/// The configurations that Millrace brings along: configs/ of the source tree, PREFIX/share/millrace/configs.
namespace millrace::apps {

struct ShippedConfig {
  std::string name;   ///< "photos".
  std::string path;   ///< The whole path of its file.
  std::string about;  ///< The first line of its comment.
};

/// All there are, by their names. None where this program was copied away from its installation.
std::vector<ShippedConfig> shipped_configs();

/// The file that is meant by the name of a configuration: the file of that name, else NAME.yaml, else the one that
/// Millrace brings along. Throws configs::ConfigError, with the nearest name, when there is none of these.
std::string find_config(const std::string& name);

}  // namespace millrace::apps
