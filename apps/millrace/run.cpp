// `millrace-run`: what `millrace` executes when there is work.

#include <c10/util/Exception.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>
#include <thread>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/apps/millrace/front/help.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/sharing/process/init.h"
#include "millrace/training/defaults.h"
#include "millrace/training/settings.h"

namespace {

using namespace millrace::apps;
using millrace::configs::Node;

// Reads the file, and of a run that goes on that in its directory; refuses keys that no command knows. What is in the
// sections is checked by those who read them.
Node load(const CommandLine& line) {
  std::string config = line.file.config;
  if (config.empty() && !line.train.resume.empty()) config = line.train.resume + "/config.yaml";
  auto run = millrace::configs::load(config, line.file.overrides);
  millrace::configs::Section keys(run);
  for (const auto key : millrace::training::kRunKeys) keys.find(key);
  keys.finish();
  return run;
}

// "digits" of "configs/digits.yaml".
std::string name_of_run(const std::string& config) { return std::filesystem::path(config).stem().string(); }

// All that training takes for granted is written out, to be seen.
Node with_defaults(const Node& run) {
  return Node(millrace::training::with_defaults(run.value(), static_cast<int>(std::thread::hardware_concurrency())));
}

int train(const Node& run, const CommandLine& line) {
  TrainOptions options = line.train;
  options.name = name_of_run(line.file.config);
  return millrace::apps::train(run, options, ProgramTypes());
}

int run(const CommandLine& line) {
  using Command = CommandLine::Command;
  if (line.command == Command::kAnswered) return line.exit_code;
  if (line.command == Command::kDoctor) return doctor(line.doctor);
  if (line.command == Command::kHelp) return help(line.help);
  const bool trains = line.command == Command::kTrain;
  const Node file = trains ? with_defaults(load(line)) : load(line);
  if (line.file.print_config)
    std::puts(millrace::configs::to_yaml(file.value()).c_str());
  else if (trains)
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
    return fail(kWrongUsage, error.what());
  } catch (const c10::Error& error) {
    return fail(kWorkFailed, error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(kWorkFailed, error.what());
  }
}
