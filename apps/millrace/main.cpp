#include <c10/util/Exception.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/sharing/process/init.h"

namespace {

// The program's exit codes.
constexpr int kDone = 0;
constexpr int kWorkFailed = 1;
constexpr int kWrongUsage = 2;  // Of the command line or of a configuration.

struct RunFile {
  std::string config;
  std::vector<std::string> overrides;

  void add_to(CLI::App& command) {
    command.add_option("config", config, "YAML file; configs/ has some to start from")->required();
    command.add_option("overrides", overrides, "settings in place of the file's, such as loader.batch_size=128");
  }

  // Reads the file and refuses keys that no command knows. What is in the sections is checked by those who read them.
  millrace::configs::Node load() const {
    auto run = millrace::configs::load(config, overrides);
    millrace::configs::Section keys(run);
    for (const char* key :
         {"dataset", "transforms", "sampler", "loader", "test", "model", "optimizer", "epochs", "seed", "bench"})
      keys.find(key);
    keys.finish();
    return run;
  }
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

  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return fail(kWrongUsage, std::string(error.what()) + "; see millrace --help");
  }
  if (train->parsed()) millrace::apps::train(train_file.load());
  if (bench->parsed() && batches > 0) millrace::apps::take_batches(bench_file.load(), batches);
  if (bench->parsed() && batches == 0) millrace::apps::bench(bench_file.load(), options);
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
