#include "millrace/apps/millrace/front/commands/predict.h"

#include <CLI/CLI.hpp>
#include <filesystem>
#include <utility>

#include "millrace/apps/millrace/front/commands/number_checks.h"

namespace millrace::apps::commands {
namespace {

void settle(Predict& predict) {
  // Without an input, what stands in its place is a setting.
  const bool is_setting = predict.input.find('=') != std::string::npos && !std::filesystem::exists(predict.input);
  if (is_setting) predict.overrides.insert(predict.overrides.begin(), std::exchange(predict.input, ""));
  if (predict.json && predict.output == "-") throw CLI::ValidationError("--json and --output - both print; take one");
}

}  // namespace

void Predict::declare(CLI::App& command) {
  command.add_option("trained", trained, "a run's directory, of which best.pt is taken, else last.pt; or a checkpoint")
      ->required()
      ->type_name("RUN");
  command
      .add_option(
          "input", input,
          "a folder with pictures, with or without one a class, a picture, or a list (.csv, .jsonl, .txt); of a model "
          "of arrays a folder with .npy files, an .npy or .npz file, or a list of files (.txt); "
          "left out: the run's test split")
      ->type_name("INPUT");
  command.add_option("overrides", overrides, "settings in place of the run's, such as loader.num_workers=2")
      ->type_name("KEY=VALUE");
  command
      .add_option(
          "--output", output,
          "the file of the rows, predictions.csv; - for stdout. Masks and pictures go into a folder of its name")
      ->type_name("FILE");
  command.add_option("--top", top, "so many of the likeliest classes")->type_name("COUNT")->check(count());
  command.add_flag("--json", json, "print one line of JSON in place of the summary");
  command.final_callback([this] { settle(*this); });
}

}  // namespace millrace::apps::commands
