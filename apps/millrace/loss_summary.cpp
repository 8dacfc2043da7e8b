#include "millrace/apps/millrace/loss_summary.h"

#include <cstdint>

#include "millrace/configs/yaml_words.h"
#include "millrace/sharing/os/counted.h"

namespace millrace::apps {
namespace {

// What is done by one and by several.
const char* was(uint64_t count) { return count == 1 ? " was " : " were "; }

std::string summary_of_samples(const LoaderStats& stats) {
  const uint64_t lost = stats.skipped_samples + stats.replaced_samples;
  std::string text = counted(lost, "sample") + " could not be read: ";
  if (stats.skipped_samples > 0) text += std::to_string(stats.skipped_samples) + " left out";
  if (stats.skipped_samples > 0 && stats.replaced_samples > 0) text += " and ";
  if (stats.replaced_samples > 0) text += std::to_string(stats.replaced_samples) + " replaced by others";
  // Of one the warning has told, when it was lost.
  return lost == 1 ? text : text + ", the last for: " + configs::in_yaml_words(stats.last_error);
}

}  // namespace

std::vector<std::string> loss_notes(const LoaderStats& stats) {
  std::vector<std::string> notes;
  if (stats.worker_deaths > 0) notes.push_back(counted(stats.worker_deaths, "worker") + " died");
  if (stats.skipped_samples > 0) notes.push_back(counted(stats.skipped_samples, "sample") + " left out");
  if (stats.replaced_samples > 0) notes.push_back(counted(stats.replaced_samples, "sample") + " replaced");
  return notes;
}

std::string loss_summary(const std::string& when, const LoaderStats& stats) {
  std::vector<std::string> parts;
  if (stats.worker_deaths > 0)
    parts.push_back(counted(stats.worker_deaths, "worker process") + " died and" + was(stats.worker_deaths) +
                    "replaced, " + counted(stats.retried_samples, "sample") + was(stats.retried_samples) +
                    "read again");
  if (stats.skipped_samples + stats.replaced_samples > 0) parts.push_back(summary_of_samples(stats));
  std::string text;
  for (const auto& part : parts) text += (text.empty() ? when + ", " : "; ") + part;
  return text;
}

}  // namespace millrace::apps
