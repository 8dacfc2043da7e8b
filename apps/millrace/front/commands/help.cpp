#include "millrace/apps/millrace/front/commands/help.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <stdexcept>

#include "millrace/configs/tables/reference.h"

namespace millrace::apps::commands {

void Help::declare(CLI::App& command) {
  command.add_option("topic", topic, "config")->required()->check(CLI::IsMember({"config"}));
  command.add_option("section", section, "a section or a part of it, such as transforms.resize; left out: all");
}

int Help::answer() const {
  try {
    std::fputs(configs::tables::help_text(section).c_str(), stdout);
    return kDone;
  } catch (const std::invalid_argument& unknown) {
    return fail(kWrongUsage, unknown.what());
  }
}

}  // namespace millrace::apps::commands
