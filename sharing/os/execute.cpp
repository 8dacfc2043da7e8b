#include "millrace/sharing/os/execute.h"

#include <spawn.h>
#include <unistd.h>

#include <cerrno>

#include "millrace/sharing/os/start_thread.h"

namespace millrace {
namespace {

constexpr const char* kThisProgram = "/proc/self/exe";  // Also after its file was replaced.

}  // namespace

pid_t execute_this_program(char** arguments, char** environment, int fd, int number) {
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, fd, number);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, number + 1);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, kThisProgram, &actions, nullptr, arguments, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) detail::throw_start_error(error, "execution of this program afresh");
  return pid;
}

int become_this_program(char** arguments, char** environment) noexcept {
  ::execve(kThisProgram, arguments, environment);
  return errno;
}

}  // namespace millrace
