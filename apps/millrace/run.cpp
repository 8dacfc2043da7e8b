// `millrace-run`: what `millrace` executes when there is work.

#include <c10/util/Exception.h>

#include <cstdio>
#include <exception>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <variant>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/apps/millrace/front/commands/run_file.h"
#include "millrace/apps/millrace/validate.h"
#include "millrace/configs/build.h"
#include "millrace/configs/errors.h"
#include "millrace/configs/yaml_words.h"
#include "millrace/sharing/process/init.h"
#include "millrace/training/defaults.h"

namespace {

using namespace millrace::apps;
using millrace::configs::Node;

// All that training takes for granted is written out, to be seen.
Node with_defaults(const Node& run) {
  return Node(millrace::training::with_defaults(run.value(), static_cast<int>(std::thread::hardware_concurrency())));
}

void print_found(const std::string& section, const std::string& found) {
  std::printf("%s: %s\n", section.c_str(), found.c_str());
}

void print_found_in_json(const std::string& section, const std::string& found) {
  std::puts(nlohmann::json{{"section", section}, {"found", found}}.dump().c_str());
}

// What this program does for each command.
struct Runner : Answers {
  explicit Runner(const ProgramTypes& program_types) : types(program_types) {}

  using Answers::operator();
  int operator()(const commands::Init& command) const { return init(command); }
  int operator()(const commands::Train& command) const {
    const Node run = read_run_file(command.file);
    if (command.file.validate) return validated(run, command.file, types.datasets);
    return train(with_defaults(run), command, types);
  }
  int operator()(const commands::Bench& command) const {
    const Node run = read_run_file(command.file);
    if (command.file.validate) return validated(run, command.file, bench_datasets());
    bench(run, command);
    return kDone;
  }
  int operator()(const commands::Doctor& command) const { return doctor(command); }

 private:
  const ProgramTypes& types;

  static int validated(const Node& run, const RunFile& file, const millrace::configs::DatasetTypes& datasets) {
    validate(run, datasets, file.json ? print_found_in_json : print_found);
    return kDone;
  }
};

int run(const CommandLine& line) {
  return line.command ? std::visit(Runner(ProgramTypes()), *line.command) : line.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  std::setvbuf(stdout, nullptr, _IOLBF, 0);  // A line is seen at once, in a pipe too.
  try {
    return run(read_command_line(argc, argv));
  } catch (const millrace::configs::ConfigError& error) {
    return fail(error);
  } catch (const c10::Error& error) {
    return fail(kWorkFailed, error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(kWorkFailed, millrace::configs::in_yaml_words(error.what()));
  }
}
