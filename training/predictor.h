#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "millrace/configs/build.h"
#include "millrace/configs/node.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/data.h"
#include "millrace/training/learner.h"
#include "millrace/training/models/model_types.h"
#include "millrace/training/not_finite.h"
#include "millrace/training/settings.h"
#include "millrace/training/tasks/prediction_writer.h"
#include "millrace/training/tasks/task.h"

namespace millrace::training {

/// What a trained model is asked about.
struct PredictionRequest {
  std::string input;  ///< A folder, a file or a list; "": the run's test split. See prediction_config.h.
  std::vector<std::string> overrides;  ///< Settings in place of the run's: "loader.num_workers=2".
};

/// The prediction of one sample, or why there is none.
struct Prediction {
  std::string path;                ///< What the dataset calls the sample, or its number.
  std::vector<std::string> cells;  ///< As the task's PredictionWriter makes them; empty where there is an error.
  std::string truth;               ///< The class that it has, where that is known and is one of the model's.
  std::string error;               ///< Why the sample could not be read.
};

/// A table of predictions, in the order of the dataset.
struct Predictions {
  std::vector<std::string> columns;  ///< Heads of the cells.
  std::vector<Prediction> rows;
  int64_t predicted = 0;          ///< Samples that have a prediction.
  int64_t failed = 0;             ///< Samples that could not be read. Those of a stream have no row.
  NotFinite not_finite;           ///< Samples whose predictions say nothing.
  bool has_truth = false;         ///< Whether the class of some sample is known.
  std::vector<Measure> measures;  ///< How good the predictions are, where it is known what they should be.
};

/// The predictions as CSV with a header: path, the cells, truth where some is known, error.
std::string to_csv(const Predictions& predictions);

/// The checkpoint of a run, and where it was read.
struct TrainedRun {
  std::string path;
  Checkpoint checkpoint;
};

/// Reads a run's directory, of which best.pt is taken, else last.pt; or a checkpoint. Throws std::runtime_error where
/// there is none, or a file that is none.
TrainedRun read_trained_run(const std::string& trained);

/// The configuration of the run that wrote it.
configs::Node configuration_of(const TrainedRun& run);

/// A trained model and what it is asked about. The weights are those that the run was judged by, and pictures go
/// through what they went through there. Not thread-safe.
class Predictor {
 public:
  /// Makes the model and opens the input. Throws ConfigError for what does not fit: settings, files, samples of another
  /// size than those of training.
  Predictor(const TrainedRun& run, const PredictionRequest& request, const configs::DatasetTypes& datasets,
            const ModelTypes& models);

  const std::string& checkpoint() const { return path_; }
  const DataFacts& trained_on() const { return data_; }
  const Task& task() const { return *task_; }
  std::optional<int64_t> samples() const { return split_.samples; }

  /// Whether the settings say that samples that cannot be read are no matter (loader.on_error=skip).
  bool skips_errors() const { return skips_errors_; }

  /// Asks the model about every sample. After each batch `go_on` hears how many are done; where it says false, nothing
  /// is given. A sample that cannot be read is tried once more, alone, and then has its error in its row. Throws
  /// SyscallError for predictions that are files and cannot be written. To be called once.
  std::optional<Predictions> predict(const PredictionOptions& options, const std::function<bool(int64_t done)>& go_on);

 private:
  class Table;

  LoadingOptions loading() const;

  std::string path_;
  std::string input_;
  configs::DatasetTypes datasets_;
  DataFacts data_;
  std::vector<int64_t> mask_values_;
  configs::Node run_;
  Settings settings_;
  std::unique_ptr<Task> task_;
  Learner learner_;
  bool skips_errors_;
  Split split_;
};

}  // namespace millrace::training
