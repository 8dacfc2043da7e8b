#include "millrace/apps/millrace/front/commands/help.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "millrace/apps/millrace/front/commands/synthetic_keys.h"
#include "millrace/configs/tables/reference.h"

namespace millrace::apps::commands {
namespace {

using configs::tables::Description;
using configs::tables::KeyDescription;

nlohmann::json to_json(const KeyDescription& key) {
  return {{"name", key.name},      {"about", key.about},          {"expected", key.expected},
          {"words", key.words},    {"required", key.is_required}, {"default", key.default_value},
          {"left_out", key.absent}};
}

nlohmann::json to_json(const Description& entry) {
  auto keys = nlohmann::json::array();
  for (const KeyDescription& key : entry.keys) keys.push_back(to_json(key));
  return {{"name", entry.name}, {"about", entry.about}, {"makes", entry.makes}, {"keys", keys}};
}

nlohmann::json to_json(const std::vector<configs::tables::SectionDescription>& sections) {
  auto all = nlohmann::json::array();
  for (const auto& section : sections) {
    auto entries = nlohmann::json::array();
    for (const Description& entry : section.entries) entries.push_back(to_json(entry));
    all.push_back(
        {{"name", section.name}, {"about", section.about}, {"example", section.example}, {"entries", entries}});
  }
  return all;
}

}  // namespace

void Help::declare(CLI::App& command) {
  command.add_option("topic", topic, "config")->required()->type_name("TOPIC")->check(CLI::IsMember({"config"}));
  command.add_option("section", section, "a section or a part of it, such as transforms.resize; left out: all")
      ->type_name("SECTION");
  command.add_flag("--json", json, "print all of the topic as one line of JSON");
}

int Help::answer() const { return answer(describe_millrace_sections()); }

int Help::answer(const std::vector<configs::tables::SectionDescription>& sections) const {
  if (json) {
    std::puts(nlohmann::json{{"sections", to_json(sections)}}.dump().c_str());
    return kDone;
  }
  try {
    std::fputs(configs::tables::help_text(section, sections).c_str(), stdout);
    return kDone;
  } catch (const std::invalid_argument& unknown) {
    return fail(kWrongUsage, unknown.what());
  }
}

}  // namespace millrace::apps::commands
