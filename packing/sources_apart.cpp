#include "millrace/packing/sources_apart.h"

#include <sys/stat.h>

#include <filesystem>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "millrace/sharing/os/printable.h"

namespace millrace::packing {
namespace {

namespace fs = std::filesystem;

/// By which a folder is known, whatever path leads there.
using FolderId = std::pair<dev_t, ino_t>;

std::optional<FolderId> folder_at(const fs::path& path) {
  struct stat status = {};
  if (::stat(path.empty() ? "." : path.c_str(), &status) != 0) return std::nullopt;
  return FolderId(status.st_dev, status.st_ino);
}

[[noreturn]] void refuse_folder(const Plan& plan, const std::string& source, std::string_view how) {
  throw std::runtime_error("pack: the shards' folder " + in_quotes(plan.folder) + " " + std::string(how) + " " +
                           in_quotes(source) + ", which is packed; take another folder for the shards");
}

/// Tells whether files lie in a folder: under their names, or behind the links that their names are.
class FilesIn {
 public:
  explicit FilesIn(FolderId folder) : folder_(folder) {}

  bool has(const fs::path& file) {
    if (is_it(file.parent_path())) return true;
    std::error_code error;
    if (!fs::is_symlink(file, error)) return false;
    const fs::path target = fs::canonical(file, error);
    return !error && is_it(target.parent_path());
  }

 private:
  // Many files lie in few folders, each of which is looked at once.
  bool is_it(const fs::path& folder) {
    const auto [known, is_new] = known_.try_emplace(folder.native(), false);
    if (is_new) known->second = folder_at(folder) == folder_;
    return known->second;
  }

  FolderId folder_;
  std::map<std::string, bool> known_;
};

void require_no_source_in(const Plan& plan, const SampleList& samples) {
  const auto folder = folder_at(plan.folder);
  if (!folder) return;  // In a folder that is not there lies nothing.
  FilesIn files(*folder);
  for (const std::string& path : samples.paths())
    if (files.has(path)) refuse_folder(plan, path, "has");
}

void require_outside(const Plan& plan, const std::string& source) {
  const auto packed = folder_at(source);
  std::error_code error;
  fs::path folder = fs::weakly_canonical(fs::absolute(plan.folder), error);
  if (!packed || error) return;  // What is wrong there is said when it is read, or written.
  for (; folder_at(folder) != packed; folder = folder.parent_path())
    if (folder == folder.root_path()) return;
  refuse_folder(plan, source, folder_at(plan.folder) == packed ? "is" : "lies in");
}

}  // namespace

void require_sources_apart(const Source& source, const Plan& plan) {
  if (!source.folder.empty()) require_outside(plan, source.folder);
  require_no_source_in(plan, source.samples);
}

}  // namespace millrace::packing
