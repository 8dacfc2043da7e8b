#include "millrace/apps/millrace/front/command_line.h"

#include <torch/headeronly/version.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/front/commands/command.h"
#include "millrace/configs/tables/nearest.h"
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

// The parser, with a part for each command.
class Parser {
 public:
  Parser() : app_("Millrace: data loading for people who train with LibTorch", "millrace") {
    app_.set_version_flag("--version", "millrace " MILLRACE_VERSION ", for LibTorch " TORCH_VERSION,
                          "Print the versions of Millrace and of the LibTorch that it was built for");
    app_.footer("\nmillrace COMMAND --help has a command's options, examples and exit codes.\n");
    for_each_command([this]<class T>() { add<T>(); });
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
    names_.emplace_back(T::kName);
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
    return fail(kWrongUsage, std::string(error.what()) + "; see millrace " + commands.front()->get_name() + " --help");
  }

  CLI::App app_;
  std::vector<std::string> names_;
  std::map<const CLI::App*, std::function<Command()>> takers_;  // Each gives what was read for its command.
};

}  // namespace

CommandLine read_command_line(int argc, char** argv) { return Parser().parse(argc, argv); }

}  // namespace millrace::apps
