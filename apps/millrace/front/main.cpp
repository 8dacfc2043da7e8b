// `millrace`: answers at once what needs no LibTorch, and executes `millrace-run`, which does the work, for all else. Loading
// LibTorch takes most of a second, and what is loaded behind init() would be missing in the fork server: so a program of its
// own and not a library.

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string>

#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/apps/millrace/front/doctor.h"

namespace {

namespace fs = std::filesystem;
using millrace::apps::CommandLine;

// Does not return where there is the program: beside this one in a build tree, in libexec where it is installed.
int execute_runner(char** argv) {
  const fs::path here = fs::read_symlink("/proc/self/exe").parent_path();
  const std::string built = here / "millrace-run";
  const std::string installed = (here / "../libexec/millrace/millrace-run").lexically_normal();
  for (const std::string& path : {built, installed}) {
    ::execv(path.c_str(), argv);
    if (errno != ENOENT)
      return millrace::apps::fail(millrace::apps::kWorkFailed, "cannot execute " + path + ": " + std::strerror(errno));
  }
  return millrace::apps::fail(millrace::apps::kWorkFailed, "the program that does the work is neither " + built +
                                                               " nor " + installed + "; install Millrace again");
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const CommandLine line = millrace::apps::read_command_line(argc, argv);
    if (line.command == CommandLine::Command::kAnswered) return line.exit_code;
    if (line.command == CommandLine::Command::kDoctor && line.doctor.quick) {
      const auto checks = millrace::apps::check_host();
      return millrace::apps::report(checks, line.doctor.json);
    }
    return execute_runner(argv);
  } catch (const std::exception& error) {
    return millrace::apps::fail(millrace::apps::kWorkFailed, error.what());
  }
}
