#include "millrace/apps/millrace/front/commands/init.h"

#include <CLI/CLI.hpp>

namespace millrace::apps::commands {

void Init::declare(CLI::App& command) {
  command.add_option("path", path, "the folder or file to look at")->required()->type_name("PATH");
  command.add_option("--output", output, "the file to write; left out: the path's last name with .yaml")
      ->type_name("FILE");
  command.add_flag("--json", json, "print what was seen as one line of JSON");
}

}  // namespace millrace::apps::commands
