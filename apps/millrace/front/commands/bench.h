#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "millrace/apps/millrace/front/commands/command.h"
#include "millrace/apps/millrace/front/commands/run_file.h"
#include "millrace/apps/millrace/front/commands/workloads.h"

namespace millrace::apps::commands {

/// The step that a model of the configuration takes.
inline constexpr std::string_view kStepOfTheModel = "auto";

/// `millrace bench`
struct Bench {
  RunFile file;
  double warmup_s = 10;            ///< Time before the first window, at most: it begins where rates agree.
  double window_s = 1;             ///< Length of a window.
  int64_t repeats = 10;            ///< Windows; rates are their medians.
  int64_t batches = 0;             ///< Take so many batches without a warm-up, as one window; 0: windows of some time.
  std::string save;                ///< A file that takes what was measured. Empty: none, as the next two.
  std::string compare;             ///< Such a file, of an earlier measurement.
  std::string html;                ///< A file that takes a page.
  std::string trace;               ///< A file that takes a trace of what was done when; see Trace. Empty: none.
  std::vector<std::string> sweep;  ///< "KEY=VALUE,VALUE...": all combinations are measured. Empty: the file's settings.
  double step_ms = 0;              ///< A training step that is simulated behind each batch; 0: none.
  std::string step;                ///< kStepOfTheModel: the steps of training that are really done; empty: none.
  std::string workload;            ///< The name of a Workload, whose step is simulated. Empty: none.
  std::string peer;                ///< "python": what PyTorch makes of the same is measured too. Empty: nothing.
  std::string make_data;    ///< The name of a Workload, whose data is made in the folder file.config. Empty: none.
  int64_t files = 0;        ///< How many files of data; 0: the workload's.
  double sample_bytes = 0;  ///< Bytes of a sample of data, the mean; 0: the workload's.

  static constexpr std::string_view kName = "bench";
  static constexpr std::string_view kAbout = "Measure a loader, with nothing trained";
  static constexpr Example kExamples[] = {
      {"millrace bench photos.yaml", "samples a second, CPU time, memory, and what each number means"},
      {"millrace bench photos.yaml loader.num_workers=4 --window 2", "the same for four workers, in longer windows"},
      {"millrace bench photos.yaml --batches 3", "what three batches take, the first one apart"},
      {"millrace bench photos.yaml --json", "one line of JSON for a program"},
      {"millrace bench photos.yaml --save old.json --html photos.html", "keeps it for later, and makes a page of it"},
      {"millrace bench photos.yaml --trace photos.json", "and for a second, which worker did what when"},
      {"millrace bench photos.yaml --compare old.json", "faster, slower, or no difference beyond the noise"},
      {"millrace bench photos.yaml --sweep loader.num_workers=1,2 loader.prefetch=2,4",
       "measures all four and prints the best as YAML"},
      {"millrace bench photos.yaml --step-ms 50", "whether the loader keeps up with such a training step"},
      {"millrace bench photos.yaml --step auto", "whether it keeps up with the training that the file describes"},
      {"millrace bench photos.yaml --peer python", "beside PyTorch's DataLoader with torchvision"},
      {"millrace bench --make-data resnet50-h100 data", "makes data as MLPerf Storage does, and data/bench.yaml"},
      {"millrace bench --workload resnet50-h100 data", "how many accelerators this host feeds with it"},
  };
  static constexpr ExitCode kExitCodes[] = {
      {kDone,
       "the loader is measured, also where --compare has too few windows to tell; or settings are printed or right"},
      {kWorkFailed, "the loader failed: a file that cannot be read, no memory"},
      {kWrongUsage, "the command line or the configuration is wrong; nothing was measured"},
      {kSlower, "measured, and slower than what --compare names by more than the noise"},
  };
  static constexpr std::string_view kMore = kAboutKeys;
  void declare(CLI::App& command);
};

}  // namespace millrace::apps::commands
