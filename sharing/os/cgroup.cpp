#include "millrace/sharing/os/cgroup.h"

#include <fstream>

namespace millrace {

std::vector<Cgroup> cgroups_of(const std::string& controller, const std::string& root) {
  std::vector<Cgroup> groups;
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':');
    const auto second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const auto controllers = line.substr(first + 1, second - first - 1);
    const bool unified = controllers.empty();
    if (!unified && controllers.find(controller) == std::string::npos) continue;
    const std::string mount = root + "/sys/fs/cgroup" + (unified ? "" : "/" + controller);
    // Inside a container the path may lead outside what is mounted; walking up ends at the mount itself in any case.
    for (std::string group = line.substr(second + 1);;) {
      if (group == "/") group.clear();
      groups.push_back({mount + group, unified});
      if (group.empty()) break;
      const auto last = group.rfind('/');
      group.resize(last == std::string::npos ? 0 : last);
    }
  }
  return groups;
}

}  // namespace millrace
