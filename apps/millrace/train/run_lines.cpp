#include "millrace/apps/millrace/train/run_lines.h"

#include <cerrno>
#include <cstdio>
#include <utility>

#include "millrace/apps/millrace/loss_summary.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/shell_word.h"

namespace millrace::apps {
namespace {

nlohmann::json json_of(const std::optional<std::string>& directory) {
  return directory ? nlohmann::json(*directory) : nlohmann::json();
}

// As it was called: a program with types of its own has a name of its own.
std::string program() { return program_invocation_short_name; }

// "in epoch 2 behind batch 3".
std::string place_of(const training::Position& position) {
  const std::string epoch = "epoch " + std::to_string(position.epoch + 1);
  return position.is_trained ? "in the test of " + epoch
                             : "in " + epoch + " behind batch " + std::to_string(position.batches);
}

}  // namespace

RunLine first_line(const training::Split& split, const training::Task& task) {
  std::string text = split.samples ? counted(*split.samples, "sample") : "samples";
  if (task.has_classes()) text += " in " + counted(task.outputs(), "class");
  text += ", " + to_string(split.spec);
  return {text, {{"event", "begin"}, {"samples", split.samples ? nlohmann::json(*split.samples) : nlohmann::json()}}};
}

RunLine going_on_line(const training::Position& position, int64_t epochs, bool is_at_its_end) {
  std::string text = "going on " + place_of(position);
  if (position.steps == 0)
    text = "there is no checkpoint yet: the run begins anew";
  else if (is_at_its_end)
    text = "nothing is left to train of " + counted(epochs, "epoch") + "; set epochs=N to go on";
  else if (position.batches == 0)
    text = "going on with epoch " + std::to_string(position.epoch + 1);
  return {text, {{"event", "going_on"}, {"epoch", position.epoch + 1}, {"batches", position.batches}, {"text", text}}};
}

RunLine last_line(const training::Position& position, const EpochReport* last, const std::string& deciding,
                  const std::optional<std::string>& directory) {
  const double rate = static_cast<double>(position.trained) / position.seconds;
  const double waited = position.wait_seconds / position.seconds;
  char text[160];
  std::snprintf(text, sizeof text, " in %.2f s: %.0f samples/s, waited for data %.1f %% of the time", position.seconds,
                rate, 100 * waited);
  nlohmann::json line{{"event", "end"},        {"epochs", position.epoch}, {"seconds", position.seconds},
                      {"samples_per_s", rate}, {"data_wait", waited},      {"directory", json_of(directory)}};
  if (position.best) line["best"] = {{"epoch", position.best_epoch + 1}, {deciding, *position.best}};
  if (last) {
    line["last"] = {{"epoch", position.epoch}};
    for (const auto& [name, value] : last->metrics) line["last"][name] = value;
  }
  return {"trained " + counted(position.epoch, "epoch") + text + (last ? last->deciding_text : ""), line};
}

RunLine early_stop_line(const training::Position& position) {
  const int64_t best = position.best_epoch + 1;
  return {"no better than epoch " + std::to_string(best) + " for " + counted(position.epoch - best, "epoch") +
              ": early_stop.patience ends training",
          {{"event", "early_stop"}, {"best_epoch", best}}};
}

RunLine stopped_line(const training::Position& position, std::string_view cause,
                     const std::optional<std::string>& directory) {
  return {"stopped by " + std::string(cause) + " " + place_of(position) +
              (directory ? "; go on with: " + program() + " train --resume " + shell_word(*directory)
                         : "; nothing is kept, since output is ''"),
          {{"event", "stopped"},
           {"cause", cause},
           {"epoch", position.epoch + 1},
           {"batches", position.batches},
           {"directory", json_of(directory)}}};
}

std::vector<std::string> progress_notes(const training::Position& position, double loss, const LoaderStats& stats) {
  char loss_text[32], wait_text[48];
  std::snprintf(loss_text, sizeof loss_text, "loss %.3f", loss);
  std::snprintf(wait_text, sizeof wait_text, "%.0f %% waiting for data",
                100 * position.wait_seconds / position.seconds);
  std::vector<std::string> notes{loss_text};
  for (auto& note : loss_notes(stats)) notes.push_back(std::move(note));
  notes.emplace_back(wait_text);
  return notes;
}

}  // namespace millrace::apps
