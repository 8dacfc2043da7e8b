#include "millrace/apps/millrace/train/epoch_report.h"

#include <cstdio>

#include "millrace/sharing/os/counted.h"

namespace millrace::apps {
namespace {

using training::Better;
using training::Measure;
using training::Position;

const std::string kOfTest = "test_";

// " of 7 of 8 samples": of how many an evaluation is, where that is not all of them as they are.
std::string text_of_share(const training::Verdict& verdict) {
  std::string text;
  if (verdict.skipped > 0)
    text = " of " + std::to_string(verdict.samples) + " of " + counted(verdict.samples + verdict.skipped, "sample");
  else if (verdict.replaced > 0)
    text = " of " + counted(verdict.samples, "sample");
  if (verdict.replaced > 0) text += ", " + std::to_string(verdict.replaced) + " replaced";
  return text;
}

// ", test accuracy 81.25 %, top 5 99.1 %": the measures that people want to know.
std::string text_of(const std::vector<Measure>& measures) {
  std::string text;
  for (const Measure& measure : measures)
    if (!measure.text.empty()) text += (text.empty() ? ", test " : ", ") + measure.text;
  return text;
}

// " over 12 of 24 samples, 2 replaced"; nothing where an epoch gave all as they are.
std::string text_of_losses(const Position& position) {
  if (position.skipped == 0 && position.replaced == 0) return "";
  std::string text = " over ";
  if (position.skipped > 0) text += std::to_string(position.samples) + " of ";
  text += counted(position.samples + position.skipped, "sample");
  if (position.replaced > 0) text += ", " + std::to_string(position.replaced) + " replaced";
  return text;
}

nlohmann::json line_of(const Position& position, int64_t epochs, const EpochReport& report) {
  nlohmann::json line{{"event", "epoch"}, {"epoch", position.epoch + 1}, {"epochs", epochs}};
  for (const auto& [name, value] : report.metrics) line[name] = value;
  return line;
}

}  // namespace

EpochReport report_epoch(const Position& before, const Position& after, int64_t epochs, double learning_rate,
                         const std::optional<training::Verdict>& verdict) {
  const double loss = after.loss_sum / static_cast<double>(after.samples);
  const double seconds = after.seconds - before.seconds;
  EpochReport report;
  report.deciding = {"loss", loss, Better::kLower, ""};
  report.metrics = {{"train_loss", loss}};
  std::string test_text;
  if (verdict) {
    const auto measures = verdict->evaluation->measures();
    for (const Measure& measure : measures) report.metrics.emplace_back(kOfTest + measure.name, measure.value);
    const std::string share = text_of_share(*verdict);
    report.deciding = measures.front();
    report.deciding_text = ", test " + measures.front().text + share;
    test_text = text_of(measures) + share;
  }
  report.metrics.emplace_back("lr", learning_rate);
  if (seconds > 0) {  // Else the run goes on behind the last batch of the epoch.
    report.metrics.emplace_back("samples_per_s", static_cast<double>(after.trained - before.trained) / seconds);
    report.metrics.emplace_back("data_wait", (after.wait_seconds - before.wait_seconds) / seconds);
  }
  char text[96];
  std::snprintf(text, sizeof text, "epoch %ld/%ld: loss %.4f", after.epoch + 1, epochs, loss);
  report.told.text = text + text_of_losses(after) + test_text;
  report.told.line = line_of(after, epochs, report);
  return report;
}

std::vector<std::string> metric_names(const std::vector<Measure>& measures) {
  std::vector<std::string> names{"train_loss"};
  for (const Measure& measure : measures) names.push_back(kOfTest + measure.name);
  names.insert(names.end(), {"lr", "samples_per_s", "data_wait"});
  return names;
}

}  // namespace millrace::apps
