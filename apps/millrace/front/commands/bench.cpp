#include "millrace/apps/millrace/front/commands/bench.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <string>
#include <system_error>
#include <vector>

#include "millrace/apps/millrace/front/commands/number_checks.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/shell_word.h"

namespace millrace::apps::commands {
namespace {

std::vector<std::string> names_of_workloads() {
  std::vector<std::string> names;
  for (const Workload& workload : kWorkloads) names.emplace_back(workload.name);
  return names;
}

std::string check_swept(const std::string& swept) {
  const size_t equals = swept.find('=');
  return equals == 0 || equals == swept.npos
             ? "expected KEY=VALUE,VALUE... as in loader.num_workers=1,2,4, found " + swept
             : "";
}

namespace fs = std::filesystem;

constexpr const char* kMade = "bench.yaml";

// Whether no line of a file is more than a comment, as in the one that says that data is being made.
bool says_nothing(const fs::path& file) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);)
    if (const size_t first = line.find_first_not_of(" \t\r"); first != line.npos && line[first] != '#') return false;
  return lines.eof();
}

// In the place of a file, the folder of --make-data.
void find_made(Bench& bench) {
  if (!bench.make_data.empty()) return;
  std::string& config = bench.file.config;
  std::error_code ignored;
  if (const fs::path made = fs::path(config) / kMade; fs::exists(made, ignored)) config = made;
  if (fs::path(config).filename() != kMade || !fs::is_regular_file(config, ignored) || !says_nothing(config)) return;
  throw CLI::ValidationError(
      in_quotes(config) +
      " has no settings: millrace bench --make-data is not done yet, or was ended before it had made "
      "all; make the data again: millrace bench --make-data NAME " +
      shell_word(fs::path(config).has_parent_path() ? fs::path(config).parent_path().string() : "."));
}

}  // namespace

void Bench::declare(CLI::App& command) {
  file.declare(command);
  command.get_option("config")->required();
  command.add_option("--warmup", warmup_s, "seconds before the first window, at most: it begins where rates agree")
      ->type_name("SECONDS")
      ->check(not_negative());
  command.add_option("--window", window_s, "seconds of a window")->type_name("SECONDS")->check(above_zero());
  command.add_option("--repeats", repeats, "windows; medians are reported")->type_name("COUNT")->check(count());
  command.add_option("--batches", batches, "take so many batches, without a warm-up, and say what they took")
      ->type_name("COUNT")
      ->check(count());
  CLI::Option* const few = command.get_option("--batches");
  command.add_option("--save", save, "write what was measured to this file, for --compare")->type_name("FILE");
  command.add_option("--compare", compare, "say whether it is faster or slower than what --save wrote before")
      ->type_name("FILE");
  command.add_option("--html", html, "write a page with plots to this file")->type_name("FILE");
  command
      .add_option("--trace", trace, "write what was done when to this file, for ui.perfetto.dev or chrome://tracing")
      ->type_name("FILE");
  command
      .add_option("--sweep", sweep,
                  "measure all combinations of these values, behind all other arguments: KEY=VALUE,VALUE...")
      ->type_name("KEY=VALUES")
      ->expected(1, CLI::detail::expected_max_vector_size)
      ->check(check_swept)
      ->excludes("--compare")
      ->excludes("--trace")
      ->excludes(few);
  command.add_option("--step-ms", step_ms, "simulate a training step behind each batch, and say who waits for whom")
      ->type_name("MILLISECONDS")
      ->check(above_zero())
      ->excludes("--sweep")
      ->excludes(few);
  command.add_option("--step", step, "train the configuration's model for a while, and say who waits for whom")
      ->type_name("auto")
      ->check(CLI::IsMember({std::string(kStepOfTheModel)}))
      ->excludes("--step-ms")
      ->excludes("--sweep")
      ->excludes(few);
  command.add_option("--workload", workload, "simulate the step of a workload of MLPerf Storage")
      ->type_name("NAME")
      ->check(CLI::IsMember(names_of_workloads()))
      ->excludes("--step-ms")
      ->excludes("--step")
      ->excludes("--sweep")
      ->excludes(few);
  command
      .add_option("--peer", peer, "measure PyTorch's DataLoader with torchvision too; MILLRACE_PYTHON is its Python")
      ->type_name("NAME")
      ->check(CLI::IsMember({"python"}))
      ->excludes("--sweep")
      ->excludes(few);
  CLI::Option* const make =
      command
          .add_option("--make-data", make_data,
                      "make data of a workload of MLPerf Storage in the folder CONFIG, and bench.yaml beside it")
          ->type_name("NAME")
          ->check(CLI::IsMember(names_of_workloads()));
  command.add_option("--files", files, "so many files of data; left out: few, as the workload has them")
      ->type_name("COUNT")
      ->check(count())
      ->needs(make);
  command.add_option("--sample-bytes", sample_bytes, "of a sample of data, the mean; left out: the workload's")
      ->type_name("BYTES")
      ->check(above_zero())
      ->needs(make);
  command.final_callback([this] { find_made(*this); });
}

}  // namespace millrace::apps::commands
