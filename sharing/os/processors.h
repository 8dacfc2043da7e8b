#pragma once

#include <optional>
#include <string>

namespace millrace {

/// What this process may use of the machine's processors.
struct Processors {
  int online = 1;               ///< Of the machine.
  int allowed = 1;              ///< Of those, by this process's affinity (taskset, a batch system).
  std::optional<double> quota;  ///< Processors' worth of time that the cgroup allows, where it limits that.

  /// How many processes at work keep all of that busy; at least 1.
  int usable() const;
};

/// The processors as they are now. `root` stands in for "/" in tests, where files about cgroups are.
Processors processors(const std::string& root = "");

}  // namespace millrace
