#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "millrace/apps/millrace/front/host_checks.h"

namespace millrace::apps {
namespace {

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(folder.c_str()), ::closedir);
  while (const dirent* entry = open ? ::readdir(open.get()) : nullptr)
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  std::ranges::sort(names);
  return names;
}

// Where NVIDIA's processors for graphics and for computing are plugged in.
std::vector<std::string> devices_on_bus(const std::string& root) {
  const std::string bus = root + "/sys/bus/pci/devices/";
  std::vector<std::string> found;
  for (const std::string& name : names_in(bus)) {
    const bool is_nvidia = first_line(bus + name + "/vendor") == "0x10de";
    // Of its class: a display, 0x03...., or an accelerator, 0x12.....
    const std::string kind = first_line(bus + name + "/class");
    if (is_nvidia && (kind.starts_with("0x03") || kind.starts_with("0x12"))) found.push_back(name);
  }
  return found;
}

// "nvidia0" and so on.
std::vector<std::string> device_files(const std::string& root) {
  std::vector<std::string> files;
  for (const std::string& name : names_in(root + "/dev"))
    if (name.size() > 6 && name.starts_with("nvidia") &&
        std::all_of(name.begin() + 6, name.end(), [](char c) { return c >= '0' && c <= '9'; }))
      files.push_back(root + "/dev/" + name);
  return files;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

std::vector<Check> check_gpu(const std::string& root) {
  const auto plugged_in = devices_on_bus(root), files = device_files(root);
  if (plugged_in.empty() && files.empty())
    return {{"GPU", Verdict::kOk, "none of NVIDIA's on the PCI bus; batches are for the CPU", "", false}};
  const std::string found = plugged_in.empty() ? joined(files) : joined(plugged_in) + " on the PCI bus";
  if (files.empty())
    return {{"GPU", Verdict::kLimited, found + ", but no /dev/nvidia0: it cannot be used from here",
             "In a container: start it with docker run --gpus all, which takes nvidia-container-toolkit on the host. "
             "On the machine itself: install NVIDIA's driver (Debian: apt install nvidia-driver) and load it "
             "(modprobe nvidia)",
             false}};
  for (const std::string& file : files)
    if (::access(file.c_str(), R_OK | W_OK) != 0)
      return {{"GPU", Verdict::kLimited, found + ", but this user may not open " + file,
               "Join the group that may: usermod -aG video USER, and log in again", false}};
  const std::string version = first_line(root + "/proc/driver/nvidia/version");
  return {{"GPU", Verdict::kOk, found + (version.empty() ? "" : "; " + version), "", false}};
}

}  // namespace millrace::apps
