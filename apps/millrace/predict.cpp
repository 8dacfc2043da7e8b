#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/told_notices.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/training/predictor.h"
#include "millrace/training/stop_request.h"

namespace millrace::apps {
namespace {

constexpr const char* kStdout = "-";

// Where predictions that are files go: "found" beside "found.csv".
std::string folder_beside(const std::string& output) {
  if (output == kStdout) return "predictions";
  const std::filesystem::path path(output);
  return path.has_extension() ? (path.parent_path() / path.stem()).string() : output + "_files";
}

// "predicted 12 samples by runs/photos/best.pt: accuracy 83.33 %; 1 could not be read, its row says why".
std::string summary(const training::Predictor& predictor, const training::Predictions& predictions,
                    const std::string& output) {
  std::string text =
      "predicted " + counted(predictions.predicted, "sample") + " by " + printable(predictor.checkpoint());
  const char* separator = ": ";
  for (const training::Measure& measure : predictions.measures) {
    if (measure.text.empty()) continue;
    text += separator + measure.text;
    separator = ", ";
  }
  if (predictions.failed > 0)
    text += "; " + counted(predictions.failed, "sample") + " could not be read, see the column error";
  if (predictions.not_finite.samples > 0)
    text += "\n" + predictions.not_finite.text() + ": predictions of such samples say nothing";
  return output == kStdout ? text : text + "\nwritten: " + printable(output);
}

std::string json_of(const training::Predictor& predictor, const training::Predictions& predictions,
                    const std::string& output) {
  nlohmann::json object{{"checkpoint", predictor.checkpoint()},
                        {"output", output},
                        {"predicted", predictions.predicted},
                        {"failed", predictions.failed},
                        {"not_finite", predictions.not_finite.samples}};
  if (predictions.not_finite.samples > 0) object["first_not_finite"] = predictions.not_finite.first;
  for (const training::Measure& measure : predictions.measures) object[measure.name] = measure.value;
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

int predict(const training::TrainedRun& run, const commands::Predict& command, const ProgramTypes& types) {
  training::Predictor predictor(run, {command.input, command.overrides}, types.datasets, types.models);
  const training::StopRequest stop;
  std::optional<NewFile> file;  // Made before the work, so that a place that cannot be written to is told at once.
  if (command.output != kStdout) file.emplace(command.output);
  std::optional<training::Predictions> made;
  {
    const ToldNotices notices([](NoticeLevel, std::string_view) {});  // Above the progress line.
    Progress progress("predicting", "samples", predictor.samples().value_or(0));
    made = predictor.predict({command.top, folder_beside(command.output)}, [&](int64_t done) {
      progress.update(done, [] { return std::vector<std::string>(); });
      return !stop.is_made();
    });
  }
  if (!made) return fail(kStopped, "stopped by " + std::string(stop.cause()) + "; no row is written");
  const training::Predictions& predictions = *made;
  const std::string csv = to_csv(predictions);
  if (file) {
    file->write(std::as_bytes(std::span(csv)));
    file->commit();
  } else {
    std::fwrite(csv.data(), 1, csv.size(), stdout);
    std::fflush(stdout);
    if (stop.is_made()) return fail(kStopped, "stopped by " + std::string(stop.cause()));
  }
  const std::string told =
      command.json ? json_of(predictor, predictions, command.output) : summary(predictor, predictions, command.output);
  std::fprintf(file ? stdout : stderr, "%s\n", told.c_str());
  return predictions.failed > 0 && !predictor.skips_errors() ? kWorkFailed : kDone;
}

}  // namespace millrace::apps
