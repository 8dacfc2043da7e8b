#include "millrace/apps/millrace/front/commands/doctor.h"

#include <CLI/CLI.hpp>

namespace millrace::apps::commands {

void Doctor::declare(CLI::App& command) {
  command.add_flag("--json", json, "print one line of JSON");
  command.add_flag("--quick", quick, "start no process and load neither LibTorch nor a driver");
}

}  // namespace millrace::apps::commands
