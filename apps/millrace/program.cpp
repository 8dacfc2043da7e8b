#include "millrace/apps/millrace/program.h"

#include <cstdio>
#include <exception>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <variant>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/error_text.h"
#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/apps/millrace/front/commands/run_file.h"
#include "millrace/apps/millrace/load_libraries.h"
#include "millrace/apps/millrace/told_notices.h"
#include "millrace/apps/millrace/validate.h"
#include "millrace/configs/errors.h"
#include "millrace/configs/key_defaults.h"
#include "millrace/sharing/os/notice.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/sharing/process/init.h"
#include "millrace/training/defaults.h"
#include "millrace/training/predictor.h"

namespace millrace::apps {
namespace {

using configs::Node;

// All that training takes for granted is written out, to be seen.
Node with_defaults(const Node& run) { return Node(training::with_defaults(run.value(), processors().usable())); }

using Sections = std::vector<configs::tables::SectionDescription>;

// Of commands that do nothing before their work but what validate() does too.
void try_nothing(const Node& /*run*/) {}

void print_found(const std::string& section, const std::string& found) {
  std::printf("%s: %s\n", section.c_str(), found.c_str());
}

void print_found_in_json(const std::string& section, const std::string& found) {
  std::puts(nlohmann::json{{"section", section}, {"found", found}}.dump().c_str());
}

// What this program does for each command.
struct Runner : Answers {
  explicit Runner(ProgramTypes& program_types) : types(program_types) {}

  using Answers::operator();
  int operator()(const commands::Help& command) const { return command.answer(describe_sections(types.own())); }
  int operator()(const commands::Complete& command) const {
    return command.answer(describe_commands(), describe_sections(types.own()));
  }
  int operator()(const commands::Init& command) const { return init(command); }
  int operator()(const commands::Train& command) const {
    return on_run(
        command.file, with_defaults, training::with_all_keys,
        [&](const Node& run) { return train(run, command, types); },
        [&](const Node& run) { try_training(run, command, types); });
  }
  int operator()(const commands::Predict& command) const {
    const auto run = training::read_trained_run(command.trained);
    complete_types(training::configuration_of(run));
    return predict(run, command, types);
  }
  int operator()(const commands::Export& command) const { return export_weights(command); }
  int operator()(const commands::Show& command) const {
    return on_run(
        command.file, with_defaults, training::with_all_keys,
        [&](const Node& run) { return show(run, command, types); }, try_nothing);
  }
  int operator()(const commands::Bench& command) const {
    if (!command.make_data.empty()) return make_data(command);
    const auto measure = [&](const Node& run) { return bench(run, command, types); };
    return on_run(command.file, std::identity(), configs::with_key_defaults, measure, try_nothing);
  }
  int operator()(const commands::Pack& command) const { return pack(command); }
  int operator()(const commands::Doctor& command) const { return doctor(command); }

 private:
  ProgramTypes& types;

  // Adds the types of the libraries that the run names.
  void complete_types(const Node& run) const {
    load_libraries(run, types);
    types.datasets.transforms(types.transforms);
  }

  template <class Try>
  void validate(const Node& run, const RunFile& file, Try try_it) const {
    apps::validate(run, types, file.json ? print_found_in_json : print_found);
    try_it(run);
  }

  // Reads the run, and does what the file's options ask, or the command with the run that is completed by what the
  // command takes for granted. `all_keys` adds every key that is left out then, to be printed; `try_it` does all that
  // the command does before its work begins.
  template <class Complete, class Command, class Try>
  int on_run(const RunFile& file, Complete complete, configs::Value (*all_keys)(configs::Value, const Sections&),
             Command command, Try try_it) const {
    const Node run = read_run_file(file, [&](const Node& unchecked) {
      complete_types(unchecked);
      return types.own();
    });
    if (file.print_config.empty() && !file.validate) return command(complete(run));
    if (file.print_config == RunFile::kSaid)
      print_settings(file, run);
    else if (file.print_config == RunFile::kAll)
      print_settings(file, Node(all_keys(complete(run).value(), describe_sections(types.own()))));
    else
      validate(complete(run), file, try_it);
    return kDone;
  }
};

}  // namespace

int run_program(int argc, char** argv, AddTypes add_types) {
  millrace::init(argc, argv);
  set_notice_handler(&tell_on_stderr);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // A line is seen at once, in a pipe too.
  try {
    ProgramTypes types;
    add_bench_datasets(types.datasets);
    add_types(types);
    const CommandLine line = read_command_line(argc, argv);
    return with_stdout_written(line.command ? std::visit(Runner(types), *line.command) : line.exit_code);
  } catch (const configs::ConfigError& error) {
    return fail(error);
  } catch (const std::exception& error) {
    return fail(kWorkFailed, error_text(error));
  }
}

}  // namespace millrace::apps
