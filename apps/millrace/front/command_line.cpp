#include "millrace/apps/millrace/front/command_line.h"

#include <torch/headeronly/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <functional>
#include <iterator>
#include <map>
#include <memory>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/front/commands/command.h"
#include "millrace/configs/tables/nearest.h"
#include "millrace/configs/tables/reference.h"
#include "millrace/configs/tables/sections.h"
#include "millrace/configs/tables/synonyms.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/version.h"

namespace millrace::apps {
namespace {

// What stands below the options in a command's help.
template <CommandType T>
std::string footer() {
  std::string text = "\nExamples:\n";
  for (const Example& example : T::kExamples)
    text.append("  ").append(example.line).append("\n      ").append(example.what).append("\n");
  text += "\nExit codes:\n";
  for (const ExitCode& code : T::kExitCodes)
    text.append("  ").append(std::to_string(code.code)).append("  ").append(code.when).append("\n");
  if (!T::kMore.empty()) text.append("\n").append(T::kMore).append("\n");
  return text;
}

// The words of "TOPIC:{config,commands}", as CLI11 shows a value that is one of few.
std::vector<std::string> words_of(const std::string& type) {
  std::vector<std::string> words;
  const size_t first = type.find('{');
  if (first == type.npos) return words;
  std::istringstream list(type.substr(first + 1, type.find('}') - first - 1));
  for (std::string word; std::getline(list, word, ',');) words.push_back(word);
  return words;
}

OptionText text_of(const CLI::Option& option) {
  OptionText text;
  const std::string type = option.get_type_name();
  text.has_place = option.get_positional();
  text.name = option.get_name(text.has_place);
  if (option.get_items_expected_max() > 0) text.value = type.substr(0, type.find(':'));
  text.words = words_of(type);
  text.about = option.get_description();
  text.is_required = option.get_required();
  text.takes_many = option.get_items_expected_max() > 1;
  return text;
}

// What is wrong with an argument that has no option before it begins with the name that the parser has for it; "RUN is
// required" of "trained is required", since RUN is what the help calls it.
std::string in_words_of_help(const std::string& error, const CLI::App& command) {
  for (const CLI::Option* option : command.get_options()) {
    const std::string name = option->get_name();
    const bool is_about_it =
        option->get_positional() && error.starts_with(name) && error.find_first_of(" :") == name.size();
    if (is_about_it) return text_of(*option).value + error.substr(name.size());
  }
  return error;
}

// "epochs" of --epochs, "optimizer.lr" of --lr: the key of a configuration that others have as an option; "" for none.
std::string key_of_option(std::string_view option) {
  const auto name = configs::folded(option.substr(2));
  if (const auto key = configs::same_name(name, configs::tables::top_level_keys())) return *key;
  const std::string place = configs::tables::place_of(name, "");
  return place.substr(0, place.find(','));
}

// ", did you mean --window?" for the first word that looks like an option and is none.
std::string nearest_option(const CLI::App& command, int argc, char** argv) {
  std::vector<std::string> names;
  for (const CLI::Option* option : command.get_options())
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  for (const std::string_view word : std::span(argv, static_cast<size_t>(argc))) {
    const std::string_view name = word.substr(0, word.find('='));
    if (!name.starts_with("--") || name == "--" || std::find(names.begin(), names.end(), name) != names.end()) continue;
    const bool takes_keys = command.get_option_no_throw("overrides") != nullptr;
    if (const std::string key = takes_keys ? key_of_option(name) : ""; !key.empty())
      return "; it is a key of the configuration, write " + key + "=VALUE";
    return configs::did_you_mean(name, names);
  }
  return "";
}

// The parser, with a part for each command.
class Parser {
 public:
  Parser() : app_("Millrace: data loading for people who train with LibTorch", "millrace") {
    app_.set_version_flag("--version", "millrace " MILLRACE_VERSION ", for LibTorch " TORCH_VERSION,
                          "Print the versions of Millrace and of the LibTorch that it was built for");
    app_.footer("\nmillrace COMMAND --help has a command's options, examples and exit codes.\n");
    for_each_command([this]<class T>() { add<T>(); });
  }

  CommandTexts describe() const {
    CommandTexts texts;
    for_each_command([&]<class T>() { texts.push_back(describe_one<T>()); });
    return texts;
  }

  CommandLine parse(int argc, char** argv) {
    try {
      app_.parse(argc, argv);
    } catch (const CLI::Success& help) {
      return {std::nullopt, app_.exit(help)};
    } catch (const CLI::ParseError& error) {
      return {std::nullopt, wrong(error, argc, argv)};
    }
    if (app_.get_subcommands().empty()) return {std::nullopt, no_command(argc, argv)};
    return {takers_.at(app_.get_subcommands().front())(), kDone};
  }

 private:
  template <CommandType T>
  void add() {
    CLI::App* const part = app_.add_subcommand(std::string(T::kName), std::string(T::kAbout));
    const auto command = std::make_shared<T>();
    command->declare(*part);
    part->footer(footer<T>());
    takers_.emplace(part, [command] { return Command(std::move(*command)); });
    if (!part->get_group().empty()) names_.emplace_back(T::kName);
  }

  template <CommandType T>
  CommandText describe_one() const {
    const CLI::App* const part = app_.get_subcommand(std::string(T::kName));
    CommandText text{std::string(T::kName), std::string(T::kAbout), {}, {}, {}, std::string(T::kMore)};
    text.examples.assign(std::begin(T::kExamples), std::end(T::kExamples));
    text.exit_codes.assign(std::begin(T::kExitCodes), std::end(T::kExitCodes));
    text.is_hidden = part->get_group().empty();
    for (const CLI::Option* option : part->get_options())
      if (option != part->get_help_ptr()) text.options.push_back(text_of(*option));
    std::stable_partition(text.options.begin(), text.options.end(),
                          [](const OptionText& option) { return option.has_place; });
    return text;
  }

  int no_command(int argc, char** argv) const {
    const std::string found = argc > 1 ? argv[1] : "";
    if (found.empty()) {
      std::fputs(app_.help().c_str(), stderr);
      return kWrongUsage;
    }
    return fail(kWrongUsage, "expected a command, " + configs::joined(names_) + ", found " + in_quotes(found) +
                                 configs::did_you_mean(found, names_) + "; see millrace --help");
  }

  int wrong(const CLI::ParseError& error, int argc, char** argv) const {
    const auto commands = app_.get_subcommands();
    if (commands.empty()) return no_command(argc, argv);
    if (commands.front()->get_name() == "help" && argc > 2)
      if (const std::string meant = help_meant_by(argv[2]); !meant.empty())
        return fail(kWrongUsage, "millrace help has one topic, config; for " + in_quotes(argv[2]) + " write " + meant);
    const CLI::App& command = *commands.front();
    return fail(kWrongUsage, in_words_of_help(error.what(), command) + nearest_option(command, argc, argv) +
                                 "; see millrace " + command.get_name() + " --help");
  }

  // The command line that helps with a command, or with a part of a configuration; "" of another word.
  std::string help_meant_by(const std::string& topic) const {
    if (std::find(names_.begin(), names_.end(), topic) != names_.end()) return "millrace " + topic + " --help";
    const auto sections = configs::tables::describe_sections();
    const std::string section = topic.substr(0, topic.find('.'));
    const bool is_section =
        std::any_of(sections.begin(), sections.end(), [&](const auto& one) { return one.name == section; });
    return is_section ? "millrace help config " + printable(topic) : "";
  }

  CLI::App app_;
  std::vector<std::string> names_;
  std::map<const CLI::App*, std::function<Command()>> takers_;  // Each gives what was read for its command.
};

}  // namespace

CommandLine read_command_line(int argc, char** argv) {
  // Even where the rest is wrong.
  if (std::any_of(argv, argv + argc, [](const char* word) { return std::string_view(word) == "--json"; }))
    tell_errors_as(ErrorForm::kJson);
  return Parser().parse(argc, argv);
}

CommandTexts describe_commands() { return Parser().describe(); }

}  // namespace millrace::apps
