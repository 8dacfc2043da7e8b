#include "millrace/apps/millrace/front/commands/reference.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "millrace/apps/millrace/front/commands/pages.h"

namespace millrace::apps::commands {

void Reference::declare(CLI::App& command) {
  command.group("");
  command.add_option("form", form, "man or markdown")
      ->required()
      ->type_name("FORM")
      ->check(CLI::IsMember({"man", "markdown"}));
}

int Reference::answer(const CommandTexts& all) const {
  std::fputs((form == "man" ? man_page(all) : markdown_page(all)).c_str(), stdout);
  return kDone;
}

}  // namespace millrace::apps::commands
