#include "millrace/apps/millrace/train/run_lines.h"

#include <cstdio>
#include <utility>

#include "millrace/apps/millrace/loss_summary.h"

namespace millrace::apps {

std::string first_line(const training::Split& split, const training::Task& task, const training::Position& position) {
  std::string text = split.samples ? std::to_string(*split.samples) + " samples" : "samples";
  if (task.has_classes()) text += " in " + std::to_string(task.outputs()) + " classes";
  text += ", " + to_string(split.spec);
  if (position.steps > 0)
    text += "\ngoing on in epoch " + std::to_string(position.epoch + 1) + " behind batch " +
            std::to_string(position.batches);
  return text;
}

std::string last_line(const training::Position& position) {
  char text[160];
  std::snprintf(text, sizeof text, "trained %ld epochs in %.2f s: %.0f samples/s, waited for data %.1f %% of the time",
                position.epoch, position.seconds, static_cast<double>(position.trained) / position.seconds,
                100 * position.wait_seconds / position.seconds);
  return text;
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
