#include "millrace/apps/millrace/front/commands/complete.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <system_error>

#include "millrace/apps/millrace/front/commands/run_file.h"
#include "millrace/apps/millrace/front/commands/synthetic_keys.h"
#include "millrace/configs/node.h"
#include "millrace/configs/shipped.h"
#include "millrace/configs/tables/completions.h"

namespace millrace::apps::commands {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;
using Sections = std::vector<configs::tables::SectionDescription>;

Words beginning_with(const std::string& word, const Words& all) {
  Words found;
  for (const std::string& one : all)
    if (one.starts_with(word)) found.push_back(one + " ");
  return found;
}

const OptionText* option_named(const CommandText& command, const std::string& name) {
  const auto found = std::find_if(command.options.begin(), command.options.end(),
                                  [&](const OptionText& option) { return option.name == name; });
  return found == command.options.end() ? nullptr : &*found;
}

// Calls take(name, entry) for what the directory of a path that is being written has, as it goes on from the word.
// What is hidden is offered to who asks for it.
template <class Take>
void for_paths(const std::string& word, const Take& take) {
  const std::string before = word.substr(0, word.rfind('/') + 1);
  std::error_code not_listed;
  for (const auto& entry : fs::directory_iterator(before.empty() ? "." : before, not_listed)) {
    const std::string name = before + entry.path().filename().string();
    if (!name.starts_with(word) || (name.substr(before.size()).starts_with(".") && word == before)) continue;
    take(name, entry);
  }
}

// Files of YAML and directories on the way to them, and what comes with Millrace. Paths from ~ are the shell's to know.
Words complete_config(const std::string& word) {
  Words names;
  for (const configs::ShippedConfig& config : configs::shipped_configs()) names.push_back(config.name);
  Words found = beginning_with(word, names);
  for_paths(word, [&](const std::string& name, const fs::directory_entry& entry) {
    std::error_code not_seen;
    if (entry.is_directory(not_seen)) found.push_back(name + "/");
    if (entry.path().extension() == ".yaml" || entry.path().extension() == ".yml") found.push_back(name + " ");
  });
  std::sort(found.begin(), found.end());
  return found;
}

// A path, or a setting where none is given. Where there is no setting, paths are the shell's.
Words complete_input(const std::string& word, Words settings) {
  if (word.empty() || settings.empty()) return {};
  for_paths(word, [&](const std::string& name, const fs::directory_entry& entry) {
    std::error_code not_seen;
    settings.push_back(name + (entry.is_directory(not_seen) ? "/" : " "));
  });
  std::sort(settings.begin(), settings.end());
  return settings;
}

// The words of a command line that have a place, but for the last, which is being written.
Words placed(const CommandText& command, const Words& words) {
  Words found;
  for (size_t i = 1; i + 1 < words.size(); ++i) {
    if (!words[i].starts_with("-")) {
      found.push_back(words[i]);
      continue;
    }
    const OptionText* const option = option_named(command, words[i]);
    if (option && !option->value.empty()) ++i;
  }
  return found;
}

// What the last word is: the value of the option before it, or what stands at its place. Null when it is nothing.
const OptionText* written_now(const CommandText& command, const Words& words) {
  const OptionText* const before = option_named(command, words[words.size() - 2]);
  if (before && !before->has_place && !before->value.empty()) return before;
  size_t place = placed(command, words).size();
  // A run that goes on has its configuration.
  if (std::find(words.begin(), words.end() - 1, "--resume") != words.end() - 1) ++place;
  for (const OptionText& option : command.options) {
    if (!option.has_place) return nullptr;
    if (option.takes_many || place == 0) return &option;
    --place;
  }
  return nullptr;
}

// The type of a section, as file and overrides before have it. A run has its file.
configs::tables::TypeOfSection types_of_run(const CommandText& command, const Words& words) {
  RunFile file;
  for (const std::string& word : placed(command, words))
    if (file.config.empty())
      file.config = fs::exists(fs::path(word) / "config.yaml") ? word + "/config.yaml" : word;
    else if (word.find('=') != word.npos || word.starts_with("~"))
      file.overrides.emplace_back(word);
  return [file](const std::string& section) {
    try {
      return type_of_section(file, section);
    } catch (const std::exception&) {
      return std::string();  // A file that is not there yet, or not right.
    }
  };
}

Words names_of_options(const CommandText& command) {
  Words names{"--help"};
  for (const OptionText& option : command.options)
    if (!option.has_place) names.push_back(option.name);
  return names;
}

Words ways_on(const CommandTexts& all, const Sections& sections, const Words& words) {
  const std::string& word = words.back();
  Words commands;
  for (const CommandText& command : all) {
    if (words.size() > 1 && command.name == words.front()) {
      const OptionText* const option = written_now(command, words);
      if (word.starts_with("-") && (!option || option->has_place))
        return beginning_with(word, names_of_options(command));
      if (!option) return {};
      if (option->value == "KEY=VALUE")
        return configs::tables::complete_setting(word, types_of_run(command, words), sections);
      if (option->value == "INPUT")
        return complete_input(word, configs::tables::complete_setting(word, types_of_run(command, words), sections));
      if (option->value == "SECTION") return configs::tables::complete_topic(word, sections);
      if (option->value == "CONFIG") return complete_config(word);
      return beginning_with(word, option->words);
    }
    if (!command.is_hidden) commands.push_back(command.name);
  }
  if (words.size() > 1) return {};
  if (word.starts_with("-")) commands = {"--help", "--version"};
  return beginning_with(word, commands);
}

}  // namespace

void Complete::declare(CLI::App& command) {
  command.group("");
  command.add_option("words", words, "what stands behind millrace, up to the word that is being written")
      ->type_name("WORD");
}

int Complete::answer(const CommandTexts& all) const { return answer(all, describe_millrace_sections()); }

int Complete::answer(const CommandTexts& all, const Sections& sections) const {
  for (const std::string& way : ways_on(all, sections, words.empty() ? Words{""} : words)) std::puts(way.c_str());
  return kDone;
}

}  // namespace millrace::apps::commands
