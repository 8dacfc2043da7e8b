#include "millrace/sharing/os/regular_file.h"

#include <fcntl.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <vector>

#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

/// The kind of a file that is not regular.
const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a directory";
  if (S_ISFIFO(mode)) return "a FIFO";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

FileStamp stamp_in(const struct stat& status) {
  return {static_cast<uint64_t>(status.st_size),
          status.st_mtim.tv_sec * int64_t{1'000'000'000} + status.st_mtim.tv_nsec};
}

/// Why, and the limit behind it, without the path: that is the caller's to say.
class CannotOpen : public std::system_error {
 public:
  explicit CannotOpen(int error)
      : std::system_error(error, std::generic_category()), text_(code().message() + limit_behind(error)) {}

  const char* what() const noexcept override { return text_.what(); }

 private:
  std::runtime_error text_;
};

/// Calls look_up(&entry, buffer, size, &found), one of getpwnam_r and its like, with as much room as it wants.
template <class LookUp>
std::optional<std::string> home_by(LookUp look_up) {
  constexpr size_t kMostRoom = 1 << 20;
  for (std::vector<char> room(1024); room.size() <= kMostRoom; room.resize(2 * room.size())) {
    passwd entry = {};
    passwd* found = nullptr;
    const int error = look_up(&entry, room.data(), room.size(), &found);
    if (error == ERANGE) continue;
    if (error != 0 || found == nullptr || found->pw_dir == nullptr) return std::nullopt;
    return found->pw_dir;
  }
  return std::nullopt;
}

/// The home folder of the user with this name, or one's own without a name.
std::optional<std::string> home_of(const std::string& user) {
  if (!user.empty()) return home_by([&](auto... arguments) { return ::getpwnam_r(user.c_str(), arguments...); });
  // As for Python and the shells, HOME goes before the table of users. NOLINTNEXTLINE(concurrency-mt-unsafe)
  if (const char* home = ::secure_getenv("HOME"); home != nullptr && *home != '\0') return home;
  return home_by([](auto... arguments) { return ::getpwuid_r(::getuid(), arguments...); });
}

}  // namespace

FileStamp stamp_of(int fd, const std::string& path) {
  struct stat status = {};
  MILLRACE_SYSCALL(::fstat(fd, &status), path);
  return stamp_in(status);
}

std::optional<FileStamp> stamp_at(const std::string& path) {
  struct stat status = {};
  return ::stat(path.c_str(), &status) == 0 ? std::optional(stamp_in(status)) : std::nullopt;
}

namespace detail {

std::string user_path(const std::string& path) {
  if (const size_t nul = path.find('\0'); nul != path.npos)
    throw std::invalid_argument("the path '" + printable(path.substr(0, nul)) +
                                "…' has a NUL in it, which no file's name can have: write it without");
  if (!path.starts_with('~')) return path;
  const size_t end = std::min(path.find('/'), path.size());
  const std::optional<std::string> home = home_of(path.substr(1, end - 1));
  return home ? *home + path.substr(end) : path;
}

OwnedFd open_regular(const std::string& path) {
  if (path.find('\0') != path.npos) throw std::runtime_error("a path with a NUL in it, which no file can have");
  // A FIFO without a writer would be waited for.
  OwnedFd file(retry_interrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY); }));
  if (!file) throw CannotOpen(errno);
  struct stat status = {};
  MILLRACE_SYSCALL(::fstat(file.get(), &status), path);
  if (!S_ISREG(status.st_mode)) throw std::runtime_error(std::string(kind_of(status.st_mode)) + ", not a regular file");
  return file;
}

std::string read_regular(const std::string& path, size_t most) {
  const OwnedFd file = open_regular(path);
  const FileStamp stamp = stamp_of(file.get(), path);
  if (stamp.size > most)
    throw std::runtime_error("a file of " + counted(stamp.size, "byte") + ", over the limit of " +
                             counted(most, "byte") + " for such a file: it must be another");
  std::string bytes(stamp.size, '\0');
  size_t done = 0;
  while (done < bytes.size()) {
    const auto got = MILLRACE_SYSCALL(::read(file.get(), bytes.data() + done, bytes.size() - done), path);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  if (done < bytes.size() || stamp_of(file.get(), path) != stamp)
    throw std::runtime_error("the file changed while it was read: read it again when it is written");
  return bytes;
}

}  // namespace detail
}  // namespace millrace
