// `millrace-run`: what `millrace` executes when there is work.

#include <c10/util/Exception.h>

#include <cstdio>
#include <exception>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/apps/millrace/front/help.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/sharing/process/init.h"

namespace {

using namespace millrace::apps;
using millrace::configs::Node;

// Reads the file and refuses keys that no command knows. What is in the sections is checked by those who read them.
Node load(const RunFile& file) {
  auto run = millrace::configs::load(file.config, file.overrides);
  millrace::configs::Section keys(run);
  for (const char* key : {"dataset", "transforms", "sampler", "collate", "loader", "test", "model", "optimizer",
                          "epochs", "seed", "device", "amp", "bench"})
    keys.find(key);
  keys.finish();
  return run;
}

int run(const CommandLine& line) {
  using Command = CommandLine::Command;
  if (line.command == Command::kAnswered) return line.exit_code;
  if (line.command == Command::kDoctor) return doctor(line.doctor);
  if (line.command == Command::kHelp) return help(line.help);
  const Node file = load(line.file);
  if (line.file.print_config)
    std::puts(millrace::configs::to_yaml(file.value()).c_str());
  else if (line.command == Command::kTrain)
    train(file, line.train);
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
