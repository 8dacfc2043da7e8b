#pragma once

#include <cstdint>
#include <string>
#include <vector>

/// What the user of `millrace` asked for. Both programs read the command line by this: `millrace`, which answers at
/// once what needs no LibTorch, and `millrace-run`, which it executes for all else.
namespace millrace::apps {

/// The program's exit codes.
constexpr int kDone = 0;
constexpr int kWorkFailed = 1;
constexpr int kWrongUsage = 2;  ///< The command line or a configuration is wrong.
constexpr int kStopped = 3;     ///< Training was asked to stop, by Ctrl-C or SIGTERM, and can go on.

/// The YAML file of a run, and what replaces settings in it.
struct RunFile {
  std::string config;
  std::vector<std::string> overrides;
  bool print_config = false;  ///< Print the settings and where each comes from, do nothing.
  bool validate = false;      ///< Open the datasets, read a first batch of each, do nothing.
};

struct TrainOptions {
  std::string name;    ///< What the run's directory is called.
  std::string resume;  ///< The directory of the run that goes on. Empty: a new one.
  std::string trace;   ///< A file that takes a trace of what was done when; see Trace. Empty: none.
};

struct BenchOptions {
  double warmup_s = 1;  ///< Time before the first window, at least kWarmupBatches batches.
  double window_s = 5;  ///< Length of a window.
  int64_t repeats = 3;  ///< Windows; throughputs are their medians.
  int64_t batches = 0;  ///< Take so many batches and measure nothing; 0: measure.
  bool json = false;    ///< One line of JSON in place of the table.
};

struct DoctorOptions {
  bool json = false;   ///< One line of JSON in place of a line a check.
  bool quick = false;  ///< Only what is known without a process, a driver or LibTorch.
};

struct HelpOptions {
  std::string topic;    ///< The topic: config alone today.
  std::string section;  ///< A part of the topic; see configs::tables::help_text(). Empty: a list of all.
};

struct CommandLine {
  enum class Command { kAnswered, kTrain, kBench, kDoctor, kHelp };

  Command command = Command::kAnswered;
  int exit_code = kDone;  ///< The exit code where the command line was answered here: help, version, or wrong usage.
  RunFile file;           ///< The run of train and bench.
  TrainOptions train;
  BenchOptions bench;
  DoctorOptions doctor;
  HelpOptions help;
};

/// Reads the command line. Help and version go to stdout, an error to stderr; then the command is kAnswered.
CommandLine read_command_line(int argc, char** argv);

/// Prints "millrace: WHAT" to stderr as one line and gives `code`.
int fail(int code, std::string what);

}  // namespace millrace::apps
