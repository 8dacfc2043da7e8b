#pragma once

#include <optional>

#include "millrace/apps/millrace/front/commands/command_text.h"
#include "millrace/apps/millrace/front/commands/exit.h"
#include "millrace/apps/millrace/front/commands/registry.h"

/// What the user of `millrace` asked for. Both programs read the command line by this: `millrace`, which answers at
/// once what needs no LibTorch, and `millrace-run`, which it executes for all else.
namespace millrace::apps {

struct CommandLine {
  std::optional<Command> command;  ///< Nothing where the command line was answered here: help, version, wrong usage.
  int exit_code = kDone;           ///< The exit code then.
};

/// Reads the command line. Help and version go to stdout, what is wrong to stderr.
CommandLine read_command_line(int argc, char** argv);

/// All commands in words, in the order of the help.
CommandTexts describe_commands();

/// What both programs do for commands that need no LibTorch.
struct Answers {
  template <AnswersAtOnce T>
  int operator()(const T& command) const {
    return command.answer();
  }
  template <SpeaksOfCommands T>
  int operator()(const T& command) const {
    return command.answer(describe_commands());
  }
};

}  // namespace millrace::apps
