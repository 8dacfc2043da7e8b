#include "millrace/configs/shipped.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "millrace/configs/errors.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/shell_word.h"

namespace millrace::configs {
namespace {

namespace fs = std::filesystem;

constexpr const char* kEnding = ".yaml";

// The share of a build tree or of an installation, seen from bin/millrace and from libexec/millrace/millrace-run.
fs::path shipped_directory() {
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  for (const char* share : {"../share/millrace/configs", "../../share/millrace/configs"})
    if (const fs::path found = (here / share).lexically_normal(); fs::is_directory(found)) return found;
  return {};
}

// "Handwritten digits: 1,498 to train on" of "# Handwritten digits: 1,498 to train on".
std::string first_comment(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line.starts_with("# ") ? line.substr(2) : "";
}

bool is_there(const std::string& path) {
  std::error_code not_seen;
  return fs::exists(path, not_seen) && !fs::is_directory(path, not_seen);
}

bool names_itself(const std::string& path, const Origin& named_at) {
  return fs::path(path).lexically_normal() == fs::path(named_at.source).lexically_normal();
}

// Pictures, as likely as not.
void refuse_directory(const std::string& path, const Origin& named_at) {
  std::error_code not_seen;
  const std::string config = fs::path(path) / "config.yaml";
  if (is_there(config))
    throw ConfigError(named_at, in_quotes(path) + " is the directory of a run: write " + printable(config) +
                                    " for its configuration; millrace train --resume " + shell_word(path) +
                                    " goes on with it");
  if (fs::is_directory(path, not_seen))
    throw ConfigError(named_at, in_quotes(path) + " is a directory and no configuration; millrace init " +
                                    shell_word(path) + " looks at it and writes one");
}

bool is_path(const std::string& name) { return name.find('/') != name.npos || name.ends_with(kEnding); }

}  // namespace

std::vector<ShippedConfig> shipped_configs() {
  std::vector<ShippedConfig> found;
  const fs::path directory = shipped_directory();
  if (directory.empty()) return found;
  for (const auto& entry : fs::directory_iterator(directory))
    if (entry.path().extension() == kEnding)
      found.push_back({entry.path().stem(), entry.path(), first_comment(entry.path())});
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

std::string find_config(const std::string& name, const Origin& named_at, const std::string& directory) {
  const std::string path = fs::path(directory) / millrace::detail::user_path(name);
  if (is_there(path)) return path;
  if (is_there(path + kEnding) && !names_itself(path + kEnding, named_at)) return path + kEnding;
  if (is_path(name)) refuse_directory(path, named_at);
  if (is_path(name)) return path;  // Whoever reads it says why it cannot be read.
  std::vector<std::string> names;
  for (const ShippedConfig& config : shipped_configs()) {
    if (config.name == name) return config.path;
    names.push_back(config.name);
  }
  refuse_directory(path, named_at);
  throw ConfigError(named_at, "there is no file " + printable(path) + ", no " + printable(path) + kEnding +
                                  ", and no configuration of that name comes with Millrace" +
                                  did_you_mean(name, names) + "; millrace configs lists them");
}

}  // namespace millrace::configs
