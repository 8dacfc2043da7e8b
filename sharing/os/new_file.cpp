#include "millrace/sharing/os/new_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <utility>

#include "millrace/sharing/os/file_size.h"
#include "millrace/sharing/os/limits.h"
#include "millrace/sharing/os/output_place.h"
#include "millrace/sharing/os/passing_name.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace {
namespace {

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == path.npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Some file systems have no fsync() for folders; their names are as safe as they get.
void sync_folder(const std::string& path) {
  const OwnedFd folder(MILLRACE_SYSCALL(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC), path));
  if (detail::retry_interrupted([&] { return ::fsync(folder.get()); }) < 0 && errno != EINVAL)
    throw SyscallError(errno, "fsync of the folder " + printable(path));
}

// What has the name is replaced in the end, which a folder cannot be, and a device must not be: root could take
// /dev/null away.
void require_replaceable(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return;
  if (S_ISDIR(status.st_mode)) throw SyscallError(EISDIR, "cannot write " + in_quotes(path), "; name a file");
  if (!S_ISCHR(status.st_mode) && !S_ISBLK(status.st_mode)) return;
  throw std::runtime_error("cannot write " + in_quotes(path) + ", which is a device: a file would replace it");
}

}  // namespace

NewFile::NewFile(std::string path) : path_(std::move(path)) {
  require_replaceable(path_);
  // 64 random bits, since other machines may write to the same folder; O_EXCL turns what chance is left into an error.
  std::random_device random;
  passing_path_ = detail::passing_name(path_, (uint64_t{random()} << 32) | random());
  const int fd = detail::retry_interrupted(
      [&] { return ::open(passing_path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666); });
  if (fd < 0) {
    const int error = errno;
    throw SyscallError(error, "cannot write " + in_quotes(path_),
                       limit_behind(error) + detail::cure_of_place(error, path_));
  }
  fd_ = OwnedFd(fd);
}

NewFile::~NewFile() {
  if (!committed_) ::unlink(passing_path_.c_str());
}

void NewFile::write(std::span<const std::byte> bytes) {
  const auto end = MILLRACE_SYSCALL(::lseek(fd(), 0, SEEK_CUR), passing_path_);
  require_file_size(static_cast<uint64_t>(end) + bytes.size(), passing_path_);
  while (!bytes.empty()) {
    const auto written = detail::retry_interrupted([&] { return ::write(fd(), bytes.data(), bytes.size()); });
    if (written < 0) throw SyscallError(errno, "cannot write " + in_quotes(path_));
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void NewFile::allow_readers_of(const struct stat& status) {
  // A user who is not in the other file's group cannot give it this one.
  constexpr mode_t kReadOrWrite = 0666, kGroup = 0060;
  const bool same_group = ::fchown(fd(), static_cast<uid_t>(-1), status.st_gid) == 0;
  const mode_t mode = status.st_mode & (same_group ? kReadOrWrite : kReadOrWrite & ~kGroup);
  MILLRACE_SYSCALL(::fchmod(fd(), mode), passing_path_);
}

void NewFile::commit() {
  if (::rename(passing_path_.c_str(), path_.c_str()) < 0) throw SyscallError(errno, "cannot write " + in_quotes(path_));
  committed_ = true;
}

void NewFile::commit_to_disk() {
  MILLRACE_SYSCALL(::fsync(fd()), passing_path_);
  commit();
  sync_folder(folder_of(path_));
}

}  // namespace millrace
