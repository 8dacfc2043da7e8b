#include "millrace/apps/millrace/front/commands/pages.h"

#include <algorithm>
#include <cctype>
#include <initializer_list>
#include <string_view>

#include "millrace/version.h"

namespace millrace::apps {
namespace {

struct Fact {
  std::string_view name;
  std::string_view about;
};

constexpr Fact kEnvironment[] = {
    {"MILLRACE_CUDA_DRIVER", "the CUDA driver's library in place of libcuda.so.1; none: no GPU is looked for"},
    {"CUDA_VISIBLE_DEVICES", "the GPUs that CUDA shows to the program, which doctor names"},
    {"LC_ALL, LC_CTYPE, LANG", "UTF-8 draws the progress bar in blocks, any other locale in plain letters"},
    {"TERM", "dumb: lines now and then in place of a progress bar"},
};

constexpr Fact kFiles[] = {
    {"runs/NAME", "what a run of train was: configuration, log, metrics, curves and checkpoints; key output"},
    {"PREFIX/share/millrace/configs", "configurations to start from, found by their name"},
};

// "--window SECONDS", "CONFIG", "KEY=VALUE...".
std::string option_text(const OptionText& option) {
  std::string text = option.has_place ? option.value : option.name;
  if (!option.has_place && !option.value.empty()) text += " " + option.value;
  return text + (option.takes_many ? "..." : "");
}

// A text whose every character stands for itself in roff.
std::string roff(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\')
      escaped += "\\e";
    else if (c == '-')
      escaped += "\\-";
    else if ((c == '.' || c == '\'') && escaped.empty())
      escaped.append("\\&").push_back(c);
    else
      escaped += c;
  }
  return escaped;
}

std::string in_capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// A paragraph with a head of its own.
std::string roff_item(std::string_view head, std::string_view text) {
  return ".TP\n.B " + roff(head) + "\n" + roff(text) + "\n";
}

std::string roff_command(const CommandText& command) {
  std::string text = ".SH MILLRACE " + in_capitals(command.name) + "\n" + roff(command.about) + ".\n.PP\n.B " +
                     roff(usage(command)) + "\n";
  for (const OptionText& option : command.options) text += roff_item(option_text(option), option.about);
  text += ".PP\nExamples:\n";
  for (const Example& example : command.examples) text += roff_item(example.line, example.what);
  text += ".PP\nExit codes:\n";
  for (const ExitCode& code : command.exit_codes) text += roff_item(std::to_string(code.code), code.when);
  return command.more.empty() ? text : text + ".PP\n" + roff(command.more) + ".\n";
}

// Pipes would end a cell of a table.
std::string row(std::initializer_list<std::string> cells) {
  std::string text = "|";
  for (const std::string& cell : cells) {
    text += " ";
    for (const char c : cell) text.append(c == '|' ? "\\" : "").push_back(c);
    text += " |";
  }
  return text + "\n";
}

std::string markdown_command(const CommandText& command) {
  std::string text = "## millrace " + command.name + "\n\n" + command.about + ".\n\n    " + usage(command) + "\n\n";
  if (!command.options.empty()) text += "| option | |\n|---|---|\n";
  for (const OptionText& option : command.options) text += row({"`" + option_text(option) + "`", option.about});
  text += "\n| example | |\n|---|---|\n";
  for (const Example& example : command.examples)
    text += row({"`" + std::string(example.line) + "`", std::string(example.what)});
  text += "\n| exit code | |\n|---|---|\n";
  for (const ExitCode& code : command.exit_codes) text += row({std::to_string(code.code), std::string(code.when)});
  return command.more.empty() ? text : text + "\n" + command.more + ".\n";
}

}  // namespace

std::string usage(const CommandText& command) {
  std::string text = "millrace " + command.name + " [OPTIONS]";
  for (const OptionText& option : command.options) {
    if (!option.has_place) continue;
    const std::string place = option_text(option);
    text += option.is_required ? " " + place : " [" + place + "]";
  }
  return text;
}

std::string man_page(const CommandTexts& all) {
  std::string page = ".TH MILLRACE 1 \"\" \"Millrace " MILLRACE_VERSION
                     "\" \"User Commands\"\n"
                     ".SH NAME\nmillrace \\- data loading and training for people who use LibTorch\n.SH SYNOPSIS\n"
                     ".B millrace\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.br\n.B millrace \\-\\-version\n.SH COMMANDS\n";
  for (const CommandText& command : all)
    if (!command.is_hidden) page += roff_item(command.name, command.about + ".");
  for (const CommandText& command : all)
    if (!command.is_hidden) page += roff_command(command);
  page += ".SH ENVIRONMENT\n";
  for (const Fact& fact : kEnvironment) page += roff_item(fact.name, fact.about);
  page += ".SH FILES\n";
  for (const Fact& fact : kFiles) page += roff_item(fact.name, fact.about);
  return page;
}

std::string markdown_page(const CommandTexts& all) {
  std::string page;
  for (const CommandText& command : all)
    if (!command.is_hidden) page += markdown_command(command) + "\n";
  page += "## Environment\n\n| variable | |\n|---|---|\n";
  for (const Fact& fact : kEnvironment) page += row({"`" + std::string(fact.name) + "`", std::string(fact.about)});
  page += "\n## Files\n\n| path | |\n|---|---|\n";
  for (const Fact& fact : kFiles) page += row({"`" + std::string(fact.name) + "`", std::string(fact.about)});
  return page;
}

}  // namespace millrace::apps
