// `millrace-run`: what `millrace` executes when there is work.

#include <c10/util/Exception.h>

#include <exception>
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

// What this program does for each command.
struct Runner {
  const ProgramTypes& types;

  template <AnswersAtOnce Answering>
  int operator()(const Answering& command) const {
    return command.answer();
  }
  int operator()(const commands::Train& command) const {
    const Node run = read_run_file(command.file);
    if (command.file.validate) return validated(run, types.datasets);
    return train(with_defaults(run), command, types);
  }
  int operator()(const commands::Predict& command) const { return predict(command, types); }
  int operator()(const commands::Bench& command) const {
    const Node run = read_run_file(command.file);
    if (command.file.validate) return validated(run, bench_datasets());
    bench(run, command);
    return kDone;
  }
  int operator()(const commands::Doctor& command) const { return doctor(command); }

 private:
  static int validated(const Node& run, const millrace::configs::DatasetTypes& datasets) {
    validate(run, datasets);
    return kDone;
  }
};

int run(const CommandLine& line) {
  return line.command ? std::visit(Runner{ProgramTypes()}, *line.command) : line.exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
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
