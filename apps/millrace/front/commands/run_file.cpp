#include "millrace/apps/millrace/front/commands/run_file.h"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>

#include "millrace/apps/millrace/front/commands/synthetic_keys.h"
#include "millrace/configs/document.h"
#include "millrace/configs/shipped.h"
#include "millrace/configs/value.h"
#include "millrace/configs/yaml.h"

namespace millrace::apps {
namespace {

// A scalar of YAML as what it looks like. Values of the environment, which may be secrets, stay ${env:NAME}.
nlohmann::json scalar_to_json(const configs::Value& value) {
  const std::string text = configs::shown_text(value);
  if (value.quoted || !value.shown.empty()) return value.shown.empty() ? value.text : text;
  const auto parsed = nlohmann::json::parse(value.text, nullptr, /*allow_exceptions=*/false);
  return parsed.is_number() || parsed.is_boolean() ? parsed : nlohmann::json(value.text);
}

// Puts the origin of each scalar into `origins`, by the path of its key.
nlohmann::json to_json(const configs::Value& value, const std::string& path, nlohmann::json& origins) {
  const std::string below = path.empty() ? "" : path + ".";
  switch (value.kind) {
    case configs::Value::Kind::kNull:
      return nullptr;
    case configs::Value::Kind::kScalar:
      origins[path] = to_string(value.origin);
      return scalar_to_json(value);
    case configs::Value::Kind::kList: {
      auto list = nlohmann::json::array();
      for (const auto& element : value.elements)
        list.push_back(to_json(element, below + std::to_string(list.size()), origins));
      return list;
    }
    case configs::Value::Kind::kMap: {
      auto map = nlohmann::json::object();
      for (const auto& member : value.members) map[member.key] = to_json(member.value, below + member.key, origins);
      return map;
    }
  }
  return nullptr;
}

std::string config_of(const RunFile& file) { return configs::find_config(file.config, {file.config}, ""); }

}  // namespace

void RunFile::declare(CLI::App& command) {
  command.add_option("config", config, "YAML file, or the name of one that comes with Millrace; see millrace configs")
      ->type_name("CONFIG");
  command.add_option("overrides", overrides, "settings in place of the file's, such as loader.batch_size=128")
      ->type_name("KEY=VALUE");
  command
      .add_flag("--print-config{said}", print_config,
                "print the settings and where each comes from, do nothing; =all: those that are left out, too")
      ->check(CLI::IsMember({kSaid, kAll}));
  command.add_flag("--validate", validate, "open the datasets and say what a first batch looks like, do nothing");
  command.add_flag("--json", json, "print results, and on stderr errors, as lines of JSON");
}

configs::Node read_run_file(const RunFile& file, const configs::FindOwnTypes& find_own) {
  return configs::load_run(config_of(file), file.overrides, find_own);
}

configs::OwnTypes types_of_runner(const configs::Node& run) {
  configs::OwnTypes own;
  own.datasets = synthetic_types();
  own.has_unknown = run.find("libraries").has_value();
  return own;
}

std::string type_of_section(const RunFile& file, const std::string& section) {
  const configs::Node run = configs::load(config_of(file), file.overrides);
  const configs::Value* found = &run.value();
  std::istringstream path(section);
  for (std::string key; found && std::getline(path, key, '.');) found = found->find(key);
  if (found && found->kind == configs::Value::Kind::kMap) found = found->find("type");
  return found ? found->text : "";
}

void print_settings(const RunFile& file, const configs::Node& run) {
  if (!file.json) {
    std::puts(configs::to_yaml(run.value()).c_str());
    return;
  }
  auto origins = nlohmann::json::object();
  const auto settings = to_json(run.value(), "", origins);
  std::puts(nlohmann::json{{"settings", settings}, {"origins", origins}}
                .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace)
                .c_str());
}

}  // namespace millrace::apps
