// `millrace`: answers at once what needs no LibTorch, and executes `millrace-run`, which does the work, for all else.
// Loading LibTorch takes most of a second, and what is loaded behind init() would be missing in the fork server: so a
// program of its own and not a library.

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/apps/millrace/front/doctor.h"
#include "millrace/apps/millrace/front/help.h"
#include "millrace/apps/millrace/front/run_file.h"
#include "millrace/configs/errors.h"
#include "millrace/sharing/os/standard_streams.h"
#include "millrace/sharing/os/start_thread.h"
#include "millrace/sharing/os/syscall.h"

namespace {

namespace fs = std::filesystem;
using millrace::apps::CommandLine;

constexpr int kNotLoaded = 127;  // The dynamic loader's exit code.

// Beside this program in a build tree, in libexec where it is installed.
std::vector<std::string> paths_of_runner() {
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  return {here / "millrace-run", (here / "../libexec/millrace/millrace-run").lexically_normal()};
}

// Does not return where there is the program.
int execute_runner(char** argv) {
  const auto paths = paths_of_runner();
  for (const std::string& path : paths) {
    ::execv(path.c_str(), argv);
    if (errno != ENOENT)
      return millrace::apps::fail(millrace::apps::kWorkFailed, "cannot execute " + path + ": " + std::strerror(errno));
  }
  return millrace::apps::fail(millrace::apps::kWorkFailed, "the program that does the work is neither " + paths[0] +
                                                               " nor " + paths[1] + "; install Millrace again");
}

// Where LibTorch has no room (ulimit -v), the runner ends before its main() and can tell nothing.
int doctor(const CommandLine& line, char** argv) {
  ::signal(SIGCHLD, SIG_DFL);  // We may have been started with it ignored, and then there is no status to wait for.
  const pid_t runner = ::fork();
  if (runner < 0) millrace::detail::throw_start_error(errno, "fork");
  if (runner == 0) ::_exit(execute_runner(argv));
  int status = 0;
  MILLRACE_SYSCALL(::waitpid(runner, &status, 0), runner);
  if (WIFSIGNALED(status))
    return millrace::apps::fail(millrace::apps::kWorkFailed,
                                std::string("millrace-run was ended by signal ") + strsignal(WTERMSIG(status)));
  const int code = WEXITSTATUS(status);
  if (code != kNotLoaded) return code;
  auto checks = millrace::apps::check_host();
  checks.push_back(millrace::apps::libtorch_not_loaded());
  return millrace::apps::report(checks, line.doctor.json);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    millrace::open_closed_streams();
    const CommandLine line = millrace::apps::read_command_line(argc, argv);
    if (line.command == CommandLine::Command::kAnswered) return line.exit_code;
    if (line.command == CommandLine::Command::kHelp) return millrace::apps::help(line.help);
    if (line.command == CommandLine::Command::kDoctor && line.doctor.quick) {
      const auto checks = millrace::apps::check_host();
      return millrace::apps::report(checks, line.doctor.json);
    }
    if (line.command == CommandLine::Command::kDoctor) return doctor(line, argv);
    const auto run = millrace::apps::read_run_file(line.file);
    if (line.file.print_config) {
      millrace::apps::print_settings(run);
      return millrace::apps::kDone;
    }
    return execute_runner(argv);
  } catch (const millrace::configs::ConfigError& error) {
    return millrace::apps::fail(error);
  } catch (const std::exception& error) {
    return millrace::apps::fail(millrace::apps::kWorkFailed, error.what());
  }
}
