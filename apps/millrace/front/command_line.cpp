#include "millrace/apps/millrace/front/command_line.h"

#include <torch/headeronly/version.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <utility>

#include "millrace/sharing/os/printable.h"
#include "millrace/version.h"

namespace millrace::apps {
namespace {

// The part of the command line that names a configuration.
void add_run_file(CLI::App& command, RunFile& file) {
  command.add_option("config", file.config, "YAML file; configs/ has some to start from");
  command.add_option("overrides", file.overrides, "settings in place of the file's, such as loader.batch_size=128");
  command.add_flag("--print-config", file.print_config, "print the settings and where each comes from, do nothing");
  command.add_flag("--validate", file.validate, "open the datasets and say what a first batch looks like, do nothing");
}

CLI::App* add_train(CLI::App& app, CommandLine& line) {
  auto* train = app.add_subcommand("train", "Train a model: millrace train configs/digits.yaml epochs=5");
  add_run_file(*train, line.file);
  train->add_option("--resume", line.train.resume,
                    "the directory of a run that was stopped, which goes on; its configuration is there");
  train->add_option("--trace", line.train.trace,
                    "write what was done when to this file, for ui.perfetto.dev or chrome://tracing");
  return train;
}

CLI::App* add_bench(CLI::App& app, CommandLine& line) {
  auto* bench = app.add_subcommand("bench", "Measure a loader: millrace bench configs/bench_photos.yaml");
  add_run_file(*bench, line.file);
  bench->get_option("config")->required();
  bench->add_option("--warmup", line.bench.warmup_s, "seconds before the first window")->check(CLI::NonNegativeNumber);
  bench->add_option("--window", line.bench.window_s, "seconds of a window")->check(CLI::PositiveNumber);
  bench->add_option("--repeats", line.bench.repeats, "windows; medians are reported")->check(CLI::PositiveNumber);
  bench->add_flag("--json", line.bench.json, "print one line of JSON");
  bench->add_option("--batches", line.bench.batches, "take so many batches and measure nothing")
      ->check(CLI::PositiveNumber);
  return bench;
}

CLI::App* add_doctor(CLI::App& app, CommandLine& line) {
  auto* doctor = app.add_subcommand("doctor", "Say what this machine can do, what limits it and what helps");
  doctor->add_flag("--json", line.doctor.json, "print one line of JSON");
  doctor->add_flag("--quick", line.doctor.quick, "start no process and load neither LibTorch nor a driver");
  return doctor;
}

CLI::App* add_help(CLI::App& app, CommandLine& line) {
  auto* help = app.add_subcommand("help", "List what a configuration may say: millrace help config sampler.random");
  help->add_option("topic", line.help.topic, "config")->required()->check(CLI::IsMember({"config"}));
  help->add_option("section", line.help.section, "a section or a part of it, such as transforms.resize; left out: all");
  return help;
}

CommandLine answered(int exit_code) {
  CommandLine line;
  line.exit_code = exit_code;
  return line;
}

}  // namespace

int fail(int code, std::string what) {
  what = printable_lines(what);                       // Whatever a library wrote,
  std::replace(what.begin(), what.end(), '\n', ' ');  // and in one line.
  std::fprintf(stderr, "millrace: %s\n", what.c_str());
  return code;
}

CommandLine read_command_line(int argc, char** argv) {
  CommandLine line;
  CLI::App app{"Millrace: data loading for people who train with LibTorch"};
  app.require_subcommand(1);
  app.set_version_flag("--version", "millrace " MILLRACE_VERSION ", for LibTorch " TORCH_VERSION,
                       "Print the versions of Millrace and of the LibTorch that it was built for");
  const CLI::App* train = add_train(app, line);
  const CLI::App* bench = add_bench(app, line);
  const CLI::App* doctor = add_doctor(app, line);
  add_help(app, line);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return answered(app.exit(help));
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty())
      return answered(fail(kWrongUsage, "expected a command, train, bench, doctor or help" +
                                            (argc > 1 ? ", found " + in_quotes(argv[1]) : "") +
                                            "; see millrace --help"));
    return answered(fail(kWrongUsage, std::string(error.what()) + "; see millrace --help"));
  }
  // A run that goes on has its configuration: what stands first is a setting then.
  if (auto& file = line.file; !line.train.resume.empty() && file.config.find('=') != std::string::npos)
    file.overrides.insert(file.overrides.begin(), std::exchange(file.config, ""));
  if (line.file.config.empty() && !line.train.resume.empty()) line.file.config = line.train.resume + "/config.yaml";
  if (train->parsed() && line.file.config.empty())
    return answered(fail(kWrongUsage, "config is required, or --resume; see millrace --help"));
  using Command = CommandLine::Command;
  line.command = train->parsed()    ? Command::kTrain
                 : bench->parsed()  ? Command::kBench
                 : doctor->parsed() ? Command::kDoctor
                                    : Command::kHelp;
  return line;
}

}  // namespace millrace::apps
