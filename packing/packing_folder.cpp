#include "millrace/packing/packing_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <filesystem>
#include <stdexcept>
#include <string_view>
#include <thread>

#include "millrace/sharing/os/deadline.h"
#include "millrace/sharing/os/output_place.h"
#include "millrace/sharing/os/passing_name.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/syscall.h"

namespace millrace::packing {
namespace {

namespace fs = std::filesystem;

/// Whether it is locked; false where another process has the lock. True where there are no locks.
bool try_lock(int fd) {
  return detail::retry_interrupted([&] { return ::flock(fd, LOCK_EX | LOCK_NB); }) == 0 || errno != EWOULDBLOCK;
}

void lock(int fd, const std::string& folder) {
  constexpr auto kPatience = std::chrono::seconds(10);
  constexpr auto kBetween = std::chrono::milliseconds(50);
  const Deadline deadline(kPatience);
  while (!try_lock(fd)) {
    if (deadline.passed())
      throw std::runtime_error("pack: another millrace pack writes into " + in_quotes(folder) +
                               "; wait for its end, or take another folder");
    std::this_thread::sleep_for(kBetween);  // flock() itself has no deadline.
  }
}

/// "train-000001.tar" of that and of "train-000001.tar.index".
std::string_view shard_of(std::string_view name) {
  constexpr std::string_view kIndex = ".index";
  if (name.ends_with(kIndex)) name.remove_suffix(kIndex.size());
  return name;
}

}  // namespace

PackingFolder::PackingFolder(const Plan& plan) : plan_(plan) {
  if (::mkdir(plan.folder.c_str(), 0777) != 0 && errno != EEXIST) {
    const int error = errno;
    throw SyscallError(error, "cannot make the folder " + in_quotes(plan.folder),
                       detail::cure_of_place(error, plan.folder));
  }
  lock_ = OwnedFd(
      detail::retry_interrupted([&] { return ::open(plan.folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC); }));
  if (!lock_ && errno == ENOTDIR)
    throw std::runtime_error("pack: " + in_quotes(plan.folder) +
                             " is no folder; name one for the shards, which is made where it is not there");
  if (!lock_) throw SyscallError(errno, "cannot open the folder " + in_quotes(plan.folder));
  lock(lock_.get(), plan.folder);
  remove_passing_files();
}

PackingFolder::~PackingFolder() { remove_passing_files(); }

void PackingFolder::remove_passing_files() const {
  std::vector<std::string> planned;
  for (const PlannedShard& shard : plan_.shards) planned.push_back(fs::path(shard.path).filename().string());
  std::sort(planned.begin(), planned.end());
  detail::remove_passing_files(plan_.folder, [&](std::string_view name) {
    return std::binary_search(planned.begin(), planned.end(), shard_of(name));
  });
}

}  // namespace millrace::packing
