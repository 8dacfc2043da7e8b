#include "millrace/sharing/os/output_place.h"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <system_error>

#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::detail {
namespace {

namespace fs = std::filesystem;

// The nearest that is there: the path itself, or what it would lie in.
std::optional<fs::path> nearest_there(fs::path path) {
  std::error_code ignored;
  while (!path.empty() && !fs::exists(fs::symlink_status(path, ignored))) {
    if (path == path.parent_path()) return std::nullopt;
    path = path.parent_path();
  }
  return path.empty() ? std::nullopt : std::optional(path);
}

// A file where the folder at `path` would be, or one above it.
std::optional<fs::path> file_in_the_way(const fs::path& path) {
  std::error_code ignored;
  const auto there = nearest_there(path);
  return there && !fs::is_directory(*there, ignored) ? there : std::nullopt;
}

}  // namespace

std::string cure_of_place(int error, const std::string& path) {
  const fs::path folder = fs::path(path).parent_path();
  if (error == ENOENT && !folder.empty()) return "; make the folder " + in_quotes(folder.string()) + " first";
  const auto file = error == ENOTDIR ? file_in_the_way(folder) : std::nullopt;
  return file ? "; " + in_quotes(file->string()) + " is no folder, name another place" : "";
}

void make_folders(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (const auto file = file_in_the_way(path))
    throw std::runtime_error(in_quotes(file->string()) + " is a file, where " +
                             (*file == fs::path(path) ? "a folder" : "the folder " + in_quotes(path)) +
                             " would be; name another place");
  if (error) throw SyscallError(error.value(), "cannot make the folder " + in_quotes(path));
}

}  // namespace millrace::detail
