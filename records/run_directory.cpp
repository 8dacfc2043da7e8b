#include "millrace/records/run_directory.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <span>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/output_place.h"
#include "millrace/sharing/os/passing_name.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::records {
namespace {

constexpr std::string_view kConfig = "config.yaml";

// Whether the folder was made; not where something has its name.
bool make_folder(const std::string& path) {
  if (::mkdir(path.c_str(), 0777) == 0) return true;
  if (errno == EEXIST) return false;
  throw SyscallError(errno, "cannot make the run directory " + in_quotes(path));
}

// Whether a run writes files of such names whole, and so under passing names first.
bool is_written_whole(std::string_view name) {
  constexpr std::array<std::string_view, 5> kEndings{".pt", ".csv", ".svg", ".png", ".yaml"};
  return std::find(kEndings.begin(), kEndings.end(), std::filesystem::path(name).extension().string()) !=
         kEndings.end();
}

}  // namespace

RunDirectory RunDirectory::make(const std::string& given_parent, const std::string& name) {
  const std::string parent = detail::user_path(given_parent);
  detail::make_folders(parent);
  const std::string first = parent + "/" + name;
  std::string path = first;
  for (int number = 2; !make_folder(path); ++number) path = first + "-" + std::to_string(number);
  return RunDirectory(path);
}

void RunDirectory::require_possible(const std::string& given_parent) {
  namespace fs = std::filesystem;
  fs::path there = fs::absolute(detail::user_path(given_parent)).lexically_normal();
  while (there.has_relative_path() && !fs::exists(fs::symlink_status(there))) there = there.parent_path();
  if (!fs::is_directory(there))
    throw std::runtime_error(in_quotes(there.string()) + " is a file, where the folder of runs would be");
  std::string probe = (there / ".millrace_XXXXXX").string();
  if (::mkdtemp(probe.data()) == nullptr)
    throw SyscallError(errno, "cannot make the run directory in " + in_quotes(given_parent));
  ::rmdir(probe.c_str());
}

RunDirectory RunDirectory::open(const std::string& given) {
  const std::string path = detail::user_path(given);
  if (!std::filesystem::is_directory(path))
    throw std::runtime_error(in_quotes(path) + " is no folder: give that of the run which is to go on");
  if (!std::filesystem::exists(path + "/" + std::string(kConfig)))
    throw std::runtime_error(in_quotes(path) + " is no run directory, it has no " + std::string(kConfig) +
                             ": give that of the run which is to go on");
  RunDirectory run(path);
  detail::remove_passing_files(path, is_written_whole);
  return run;
}

RunDirectory::RunDirectory(std::string path) : path_(std::move(path)), lock_(path_) {
  file(kConfig, "the configuration, with everything that was not said in the file");
}

std::string RunDirectory::file(std::string_view name, std::string_view about) {
  std::string path = path_ + "/" + std::string(name);
  const bool is_known =
      std::any_of(entries_.begin(), entries_.end(), [&](const Entry& entry) { return entry.path == path; });
  if (!is_known) entries_.push_back({path, std::string(about)});
  return path;
}

void RunDirectory::write_config(std::string_view yaml) {
  NewFile file(entries_.front().path);
  file.write(std::as_bytes(std::span(yaml)));
  file.commit_to_disk();
}

std::string RunDirectory::overview() const {
  std::vector<Entry> there;
  std::copy_if(entries_.begin(), entries_.end(), std::back_inserter(there),
               [](const Entry& entry) { return std::filesystem::exists(entry.path); });
  size_t longest = 0;
  for (const Entry& entry : there) longest = std::max(longest, printable(entry.path).size());
  std::string lines;
  for (const Entry& entry : there) {
    const std::string path = printable(entry.path);
    lines += path + std::string(longest - path.size() + 2, ' ') + entry.about + "\n";
  }
  return lines;
}

}  // namespace millrace::records
