#include "millrace/apps/millrace/front/commands/reference.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "millrace/apps/millrace/front/commands/pages.h"

namespace millrace::apps::commands {

void Reference::declare(CLI::App& command) {
  command.group("");
  command.add_option("form", form, "man or markdown")
      ->required()
      ->type_name("FORM")
      ->check(CLI::IsMember({"man", "markdown"}));
  command.add_flag("--json", json, "print the page in one line of JSON");
}

int Reference::answer(const CommandTexts& all) const {
  const std::string page = form == "man" ? man_page(all) : markdown_page(all);
  if (json)
    std::puts(nlohmann::json{{"form", form}, {"page", page}}.dump().c_str());
  else
    std::fputs(page.c_str(), stdout);
  return kDone;
}

}  // namespace millrace::apps::commands
