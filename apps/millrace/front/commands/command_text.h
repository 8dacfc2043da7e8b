#pragma once

#include <string>
#include <vector>

#include "millrace/apps/millrace/front/commands/command.h"

/// The commands in words, as their help, the pages and the shells' completion need them.
namespace millrace::apps {

struct OptionText {
  std::string name;                ///< "--trace", or "overrides" of an argument that has its place.
  std::string value;               ///< The kind of its value, "FILE"; empty for a flag.
  std::vector<std::string> words;  ///< All that the value may be, where these are few words.
  std::string about;
  bool has_place = false;  ///< Whether it is found by its place and not by its name.
  bool is_required = false;
  bool takes_many = false;  ///< Whether all that follows is of this kind.
};

struct CommandText {
  std::string name;
  std::string about;
  std::vector<OptionText> options;  ///< Those with a place first, in their order.
  std::vector<Example> examples;
  std::vector<ExitCode> exit_codes;
  std::string more;
  bool is_hidden = false;  ///< Whether it is for scripts and not for people.
};

using CommandTexts = std::vector<CommandText>;

/// A command that speaks of the others, and needs no LibTorch.
template <class T>
concept SpeaksOfCommands = requires(const T& command, const CommandTexts& all) {
  { command.answer(all) } -> std::same_as<int>;
};

}  // namespace millrace::apps
