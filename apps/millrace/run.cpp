// `millrace-run`: what `millrace` executes when there is work.

#include <c10/util/Exception.h>

#include <exception>
#include <filesystem>
#include <thread>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/apps/millrace/front/help.h"
#include "millrace/apps/millrace/front/run_file.h"
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

int train(const Node& run, const CommandLine& line) {
  TrainOptions options = line.train;
  options.name = std::filesystem::path(line.file.config).stem().string();  // "digits" of "configs/digits.yaml"
  return millrace::apps::train(with_defaults(run), options, ProgramTypes());
}

int run(const CommandLine& line) {
  using Command = CommandLine::Command;
  if (line.command == Command::kAnswered) return line.exit_code;
  if (line.command == Command::kDoctor) return doctor(line.doctor);
  if (line.command == Command::kHelp) return help(line.help);
  const auto file = read_run_file(line.file);
  if (line.file.validate)
    validate(file, line.command == Command::kBench ? bench_datasets() : millrace::configs::DatasetTypes());
  else if (line.command == Command::kTrain)
    return train(file, line);
  else
    bench(file, line.bench);
  return kDone;
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
