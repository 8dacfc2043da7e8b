// `millrace`: answers at once what needs no LibTorch, and executes `millrace-run`, which does the work, for all else.
// Loading LibTorch takes most of a second, and what is loaded behind init() would be missing in the fork server: so a
// program of its own and not a library.

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/apps/millrace/front/commands/run_file.h"
#include "millrace/apps/millrace/front/doctor.h"
#include "millrace/configs/errors.h"
#include "millrace/sharing/os/standard_streams.h"
#include "millrace/sharing/os/start_thread.h"
#include "millrace/sharing/os/syscall.h"

namespace {

namespace fs = std::filesystem;
using namespace millrace::apps;

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
    if (errno != ENOENT) return fail(kWorkFailed, "cannot execute " + path + ": " + std::strerror(errno));
  }
  return fail(kWorkFailed, "the program that does the work is neither " + paths[0] + " nor " + paths[1] +
                               "; install Millrace again");
}

// Where LibTorch has no room (ulimit -v), the runner ends before its main() and can tell nothing.
int execute_doctor(const commands::Doctor& doctor, char** argv) {
  ::signal(SIGCHLD, SIG_DFL);  // We may have been started with it ignored, and then there is no status to wait for.
  const pid_t runner = ::fork();
  if (runner < 0) millrace::detail::throw_start_error(errno, "fork");
  if (runner == 0) ::_exit(execute_runner(argv));
  int status = 0;
  MILLRACE_SYSCALL(::waitpid(runner, &status, 0), runner);
  if (WIFSIGNALED(status))
    return fail(kWorkFailed, std::string("millrace-run was ended by signal ") + strsignal(WTERMSIG(status)));
  const int code = WEXITSTATUS(status);
  if (code != kNotLoaded) return code;
  auto checks = check_host();
  checks.push_back(libtorch_not_loaded());
  return report(checks, doctor.json);
}

// What a command's file says is wrong or asks to print is told here.
int execute_run(const RunFile& file, char** argv) {
  const auto run = read_run_file(file, types_of_runner);
  if (file.print_config != RunFile::kSaid) return execute_runner(argv);
  print_settings(file, run);
  return kDone;
}

// What this program does for each command before, or in place of, executing the other.
struct Front : Answers {
  explicit Front(char** all_arguments) : argv(all_arguments) {}

  using Answers::operator();
  int operator()(const commands::Init&) const { return execute_runner(argv); }
  int operator()(const commands::Train& train) const { return execute_run(train.file, argv); }
  int operator()(const commands::Predict&) const { return execute_runner(argv); }
  int operator()(const commands::Export&) const { return execute_runner(argv); }
  int operator()(const commands::Show& show) const { return execute_run(show.file, argv); }
  int operator()(const commands::Bench& bench) const {
    return bench.make_data.empty() ? execute_run(bench.file, argv) : execute_runner(argv);
  }
  int operator()(const commands::Pack&) const { return execute_runner(argv); }
  int operator()(const commands::Doctor& doctor) const {
    return doctor.quick ? report(check_host(), doctor.json) : execute_doctor(doctor, argv);
  }

  char** argv;
};

}  // namespace

int main(int argc, char** argv) {
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // A line is seen at once, in a pipe too.
  try {
    millrace::open_closed_streams();
    const CommandLine line = read_command_line(argc, argv);
    return with_stdout_written(line.command ? std::visit(Front(argv), *line.command) : line.exit_code);
  } catch (const millrace::configs::ConfigError& error) {
    return fail(error);
  } catch (const std::exception& error) {
    return fail(kWorkFailed, error.what());
  }
}
