#include <c10/util/Exception.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/doctor.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/sharing/process/init.h"

namespace {

// The program's exit codes.
constexpr int kDone = 0;
constexpr int kWorkFailed = 1;
constexpr int kWrongUsage = 2;  // Of the command line or of a configuration.

// The part of the command line that names a configuration.
class RunFile {
 public:
  void add_to(CLI::App& command) {
    command.add_option("config", config_, "YAML file; configs/ has some to start from")->required();
    command.add_option("overrides", overrides_, "settings in place of the file's, such as loader.batch_size=128");
    command.add_flag("--print-config", print_, "print the settings and where each comes from, do nothing");
  }

  // Does with the configuration what the command is for, or prints it.
  template <class Command>
  void run(Command command) const {
    const auto node = load();
    if (print_)
      std::puts(millrace::configs::to_yaml(node.value()).c_str());
    else
      command(node);
  }

 private:
  // Reads the file and refuses keys that no command knows. What is in the sections is checked by those who read them.
  millrace::configs::Node load() const {
    auto run = millrace::configs::load(config_, overrides_);
    millrace::configs::Section keys(run);
    for (const char* key : {"dataset", "transforms", "sampler", "loader", "test", "model", "optimizer", "epochs",
                            "seed", "device", "amp", "bench"})
      keys.find(key);
    keys.finish();
    return run;
  }

  std::string config_;
  std::vector<std::string> overrides_;
  bool print_ = false;
};

int fail(int code, std::string what) {
  std::replace(what.begin(), what.end(), '\n', ' ');  // One line, whatever a library wrote.
  std::fprintf(stderr, "millrace: %s\n", what.c_str());
  return code;
}

int run(int argc, char** argv) {
  CLI::App app{"Millrace: data loading for people who train with LibTorch"};
  app.require_subcommand(1);

  RunFile train_file;
  auto* train = app.add_subcommand("train", "Train an image classifier: millrace train configs/digits.yaml epochs=5");
  train_file.add_to(*train);
  millrace::apps::TrainOptions train_options;
  train->add_option("--trace", train_options.trace,
                    "write what was done when to this file, for ui.perfetto.dev or chrome://tracing");

  RunFile bench_file;
  millrace::apps::BenchOptions options;
  int64_t batches = 0;
  auto* bench = app.add_subcommand("bench", "Measure a loader: millrace bench configs/bench_photos.yaml");
  bench_file.add_to(*bench);
  bench->add_option("--warmup", options.warmup_s, "seconds before the first window")->check(CLI::NonNegativeNumber);
  bench->add_option("--window", options.window_s, "seconds of a window")->check(CLI::PositiveNumber);
  bench->add_option("--repeats", options.repeats, "windows; medians are reported")->check(CLI::PositiveNumber);
  bench->add_flag("--json", options.json, "print one line of JSON");
  bench->add_option("--batches", batches, "take so many batches and measure nothing")->check(CLI::PositiveNumber);

  bool doctor_json = false;
  auto* doctor = app.add_subcommand("doctor", "Say what this machine can do, what limits it and what helps");
  doctor->add_flag("--json", doctor_json, "print one line of JSON");

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    if (app.get_subcommands().empty())
      return fail(kWrongUsage, "expected a command, train, bench or doctor" +
                                   (argc > 1 ? ", found '" + std::string(argv[1]) + "'" : "") +
                                   "; see millrace --help");
    return fail(kWrongUsage, std::string(error.what()) + "; see millrace --help");
  }
  if (train->parsed())
    train_file.run([&](const millrace::configs::Node& node) { millrace::apps::train(node, train_options); });
  if (bench->parsed())
    bench_file.run([&](const millrace::configs::Node& node) {
      if (batches > 0)
        millrace::apps::take_batches(node, batches);
      else
        millrace::apps::bench(node, options);
    });
  if (doctor->parsed() && !millrace::apps::doctor(doctor_json)) return kWorkFailed;
  return kDone;
}

}  // namespace

int main(int argc, char** argv) {
  millrace::init(argc, argv);
  try {
    return run(argc, argv);
  } catch (const millrace::configs::ConfigError& error) {
    return fail(kWrongUsage, error.what());
  } catch (const c10::Error& error) {
    return fail(kWorkFailed, error.what_without_backtrace());
  } catch (const std::exception& error) {
    return fail(kWorkFailed, error.what());
  }
}
