#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/told_notices.h"
#include "millrace/loader/images/datasets/picture_listing.h"
#include "millrace/sharing/os/counted.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/training/predictor.h"
#include "millrace/training/stop_request.h"

namespace millrace::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kStdout = "-";

// Links to files stay what they are: it is they that would be replaced.
bool lies_in(const fs::path& file, const fs::path& folder) {
  std::error_code error;
  const fs::path whole = fs::canonical(folder, error);
  if (error) return false;
  const fs::path place = fs::canonical(file.parent_path() / ".", error);
  return !error && std::mismatch(whole.begin(), whole.end(), place.begin(), place.end()).first == whole.end();
}

bool is_asked_about(const fs::path& file, const std::string& input) {
  std::error_code error;
  if (fs::equivalent(file, input, error)) return true;
  const std::string ending = file.extension().string();
  const bool is_data = ending == ".npy" || ending == ".npz" || millrace::detail::is_picture(file.filename().string());
  return is_data && fs::is_directory(input, error) && lies_in(file, input);
}

// Why the rows may not replace the file that is there; "" where they may.
std::string what_output_would_replace(const std::string& output, const std::string& checkpoint,
                                      const std::string& input) {
  std::error_code error;
  if (output == kStdout || !fs::is_regular_file(output, error)) return "";
  if (fs::equivalent(output, checkpoint, error)) return "the checkpoint itself";
  return !input.empty() && is_asked_about(output, millrace::detail::user_path(input)) ? "a file that is asked about"
                                                                                      : "";
}

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
  const std::string replaced = what_output_would_replace(command.output, run.path, command.input);
  if (!replaced.empty())
    return fail(kWrongUsage, "--output: " + in_quotes(command.output) + " is " + replaced + "; name another");
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
