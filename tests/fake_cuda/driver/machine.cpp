#include "millrace/tests/fake_cuda/driver/machine.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace fake_cuda {
namespace {

// How long the memory of a dead process can still be opened, for tests of what happens then.
constexpr time_t kKeptSeconds = 20;

const std::string& directory() {
  static const auto* const path = new std::string([] {
    const char* const named = std::getenv("MILLRACE_FAKE_CUDA_DIR");
    const char* const temporary = std::getenv("TMPDIR");
    return named ? std::string(named)
                 : std::string(temporary ? temporary : "/tmp") + "/millrace_fake_cuda_" + std::to_string(::getuid());
  }());
  return *path;
}

int users = -1;  // Locked shared by everybody on the machine.

// By the system's calls: std::filesystem's symbols would be found in libtorch, which has an older one that is laid out
// otherwise.
template <class Wanted>
void remove_files(Wanted is_wanted) {
  DIR* const files = ::opendir(directory().c_str());
  if (!files) return;
  while (const dirent* const file = ::readdir(files)) {
    const std::string name = file->d_name;
    if (name != "." && name != ".." && is_wanted(name)) ::unlinkat(::dirfd(files), name.c_str(), 0);
  }
  ::closedir(files);
}

void remove_files_of_the_dead(time_t kept_seconds) {
  remove_files([&](const std::string& name) {
    Process owner{};
    struct stat status{};
    if (std::sscanf(name.c_str(), "%d.%llu.", &owner.pid, &owner.started) != 2 || is_alive(owner)) return false;
    return ::stat((directory() + "/" + name).c_str(), &status) == 0 &&
           std::time(nullptr) - status.st_ctime >= kept_seconds;
  });
}

}  // namespace

void enter_machine() {
  if (users >= 0) return;
  // Anew when the last user removed the directory in between.
  struct stat status{};
  while (status.st_nlink == 0) {
    if (users >= 0) ::close(users);
    ::mkdir(directory().c_str(), 0700);
    users = ::open((directory() + "/users").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (users < 0 && errno == ENOENT) continue;
    if (users < 0 || ::flock(users, LOCK_SH) != 0 || ::fstat(users, &status) != 0) {
      std::perror(("the fake CUDA driver cannot use " + directory()).c_str());
      std::abort();
    }
  }
  remove_files_of_the_dead(kKeptSeconds);
}

void leave_machine() {
  if (::flock(users, LOCK_EX | LOCK_NB) != 0) return;
  remove_files([](const std::string&) { return true; });
  ::rmdir(directory().c_str());
}

std::string file_of(const Process& owner, unsigned long long number) {
  return directory() + "/" + std::to_string(owner.pid) + "." + std::to_string(owner.started) + "." +
         std::to_string(number);
}

}  // namespace fake_cuda
