#include "millrace/apps/millrace/front/commands/configs.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "millrace/configs/shipped.h"

namespace millrace::apps::commands {

void Configs::declare(CLI::App& command) { command.add_flag("--json", json, "print one line of JSON"); }

int Configs::answer() const {
  auto list = nlohmann::json::array();
  for (const configs::ShippedConfig& config : configs::shipped_configs()) {
    list.push_back({{"name", config.name}, {"path", config.path}, {"about", config.about}});
    if (!json) std::printf("%-14s %s\n", config.name.c_str(), config.about.c_str());
  }
  if (json) std::puts(nlohmann::json{{"configs", list}}.dump().c_str());
  return kDone;
}

}  // namespace millrace::apps::commands
