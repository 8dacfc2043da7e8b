#pragma once

#include <string>

#include "millrace/apps/millrace/front/commands/command_text.h"

/// Pages about all commands, made from what these say of themselves. Hidden ones are left out.
namespace millrace::apps {

/// The man page, in man(7)'s macros.
std::string man_page(const CommandTexts& all);

/// The part of docs/commands.md that is made from the commands.
std::string markdown_page(const CommandTexts& all);

/// How a command is called: "millrace train [OPTIONS] [CONFIG] [KEY=VALUE...]".
std::string usage(const CommandText& command);

}  // namespace millrace::apps
