#include "millrace/training/predictor.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/nonzero.h>

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <map>
#include <set>
#include <stdexcept>
#include <utility>

#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/configs/overrides.h"
#include "millrace/configs/yaml.h"
#include "millrace/loader/stats.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/training/mask_values.h"
#include "millrace/training/prediction_config.h"
#include "millrace/training/read_alone.h"
#include "millrace/training/tasks/confusion.h"
#include "millrace/training/truth.h"
#include "millrace/training/weights/state_dict.h"

namespace millrace::training {
namespace {

namespace fs = std::filesystem;

// What the configuration in a checkpoint says, whose places are in that file.
configs::Value configuration_in(const TrainedRun& run) {
  return configs::parse(run.checkpoint.configuration, run.path);
}

// Files from before checkpoints said what they were trained on: the data themselves are asked.
DataFacts facts_of(const TrainedRun& run, const configs::DatasetTypes& datasets) {
  if (run.checkpoint.data) return *run.checkpoint.data;
  LoadingOptions loading;
  loading.types = &datasets;
  return open_split(configuration_of(run), loading);
}

// Whether samples that cannot be read are left out. Throws ConfigError for settings by which a row would be about
// another sample than the one that it names.
bool reads_skip(const configs::Node& run) {
  if (const auto sampler = run.find("sampler"))
    throw sampler->error(
        "each sample has its row, in the dataset's order; leave it out, and name a list where some are meant");
  const auto node = run.section("loader").find("on_error");
  if (!node) return false;
  const auto word = configs::read<std::string>(*node);
  if (word == "replace") throw node->error("each row is about the picture that it names; take raise or skip");
  return word == "skip";
}

configs::Node with(const configs::Node& run, const std::vector<std::string>& settings) {
  return configs::load(run.value(), settings);
}

Learner trained_learner(const configs::Node& run, const Settings& settings, const Checkpoint& checkpoint,
                        const DataFacts& data, const Task& task, const ModelTypes& models) {
  Learner learner = make_learner(run, settings, data.spec, task.outputs(), models);
  configs::build_at<std::invalid_argument>(run["model"], [&] {
    apply_weights(*learner.model, judged_weights(checkpoint));
    return 0;
  });
  learner.model->eval();
  return learner;
}

// How pictures get the size that a model was trained with; "" for other inputs.
std::string resize_of(const FieldSpec& pictures) {
  if (pictures.shape.size() != 3) return "";
  return ", such as 'transforms=[resize: {size: [" + std::to_string(pictures.shape[1]) + ", " +
         std::to_string(pictures.shape[2]) + "]}]'";
}

void require_same_input(const configs::Node& run, const SampleSpec& asked, const SampleSpec& trained) {
  const FieldSpec &here = asked.fields.front(), &there = trained.fields.front();
  if (here.dtype == there.dtype && here.shape == there.shape) return;
  throw run["dataset"].error("its samples begin with " + to_string(SampleSpec{here}) +
                             ", but the model was trained on " + to_string(SampleSpec{there}) +
                             "; give them transforms that make it so" + resize_of(there));
}

// Names for files of predictions, by the samples' paths: no two are the same.
class FileNames {
 public:
  explicit FileNames(std::string folder) : folder_(std::move(folder)) {}

  std::string of(const std::string& path) {
    const fs::path inside = folder_.empty() ? fs::path() : fs::path(path).lexically_relative(folder_);
    fs::path name = inside.empty() || *inside.begin() == ".." ? fs::path(path).filename() : inside;
    if (name.extension().string().find(' ') == std::string::npos) name.replace_extension();
    std::string taken = name.string();
    for (int number = 2; !taken_.insert(taken).second; ++number) taken = name.string() + "-" + std::to_string(number);
    return taken;
  }

 private:
  std::string folder_;
  std::set<std::string> taken_;
};

std::string folder_of(const std::string& input) {
  const std::string path = millrace::detail::user_path(input);
  return !input.empty() && fs::is_directory(path) ? path : "";
}

std::string checkpoint_path(const std::string& trained) {
  const std::string path = millrace::detail::user_path(trained);
  const std::string ending = fs::path(path).extension().string();
  if (!fs::is_directory(path) && (ending == ".yaml" || ending == ".yml"))
    throw std::runtime_error(in_quotes(path) +
                             " is a configuration and no trained model: give the directory of a run of millrace train, "
                             "or a checkpoint");
  if (!fs::is_directory(path)) return path;
  for (const char* name : {"best.pt", "last.pt"})
    if (fs::exists(fs::path(path) / name)) return (fs::path(path) / name).string();
  throw std::runtime_error(in_quotes(path) +
                           " has neither best.pt nor last.pt: give the directory of a run of millrace train, or a "
                           "checkpoint");
}

// What is asked about is `dataset`, also where it is the test split: a key of `test` would change nothing.
configs::Node without_test(configs::Node run) {
  if (const auto test = run.find("test"))
    throw test->error(
        "what predict asks about is dataset, transforms and loader here; give dataset.root, say, in place of "
        "test.dataset.root");
  return run;
}

}  // namespace

std::string to_csv(const Predictions& predictions) {
  std::string text = "path";
  for (const auto& head : predictions.columns) text += "," + csv_field(head);
  text += predictions.has_truth ? ",truth,error\n" : ",error\n";
  for (const Prediction& row : predictions.rows) {
    text += csv_field(row.path);
    for (const auto& cell : row.cells) text += "," + csv_field(cell);
    if (row.cells.empty()) text.append(predictions.columns.size(), ',');
    if (predictions.has_truth) text += "," + csv_field(row.truth);
    text += "," + csv_field(row.error) + "\n";
  }
  return text;
}

TrainedRun read_trained_run(const std::string& trained) {
  const std::string path = checkpoint_path(trained);
  return {path, read_checkpoint(path)};
}

configs::Node configuration_of(const TrainedRun& run) { return configs::load(configuration_in(run), {}); }

// What is known of the samples so far, by their numbers.
class Predictor::Table {
 public:
  Table(const Predictor& predictor, const PredictionOptions& options)
      : predictor_(predictor),
        classes_(predictor.task_->has_classes() ? class_names(predictor.run_, predictor.settings_, predictor.data_)
                                                : std::vector<std::string>()),
        writer_(predictor.task_->prediction_writer(options)),
        truth_(*predictor.task_, predictor.data_, classes_, predictor.split_, folder_of(predictor.input_)),
        names_(folder_of(predictor.input_)),
        evaluation_(predictor.task_->evaluation()) {}

  bool has(int64_t number) const { return rows_.contains(number); }

  // Asks the model about a batch. Samples of a stream are numbered as they come.
  void add(const Batch& batch) {
    std::vector<int64_t> numbers = batch.indices();
    for (int64_t next = std::ssize(rows_); std::ssize(numbers) < batch.size(); ++next) numbers.push_back(next);
    std::vector<std::string> paths;
    for (const int64_t number : numbers) paths.push_back(path_of(number));
    not_finite_.add(batch);
    const auto output = predictor_.learner_.output(predictor_.learner_.input(batch)).cpu();
    const auto truths = note_truth(output, batch, paths);
    for (size_t i = 0; i < paths.size(); ++i)
      rows_[numbers[i]] = {paths[i], writer_->cells(output[static_cast<int64_t>(i)], names_.of(paths[i])),
                           truths.empty() ? "" : truths[i], ""};
  }

  void add_error(int64_t number, const std::string& error) { rows_[number] = {path_of(number), {}, "", error}; }

  // Of `lost` samples beside those of the rows nothing is known but that they could not be read.
  Predictions predictions(int64_t lost) const {
    Predictions made;
    made.columns = writer_->columns();
    made.failed = lost;
    made.not_finite = not_finite_.found(predictor_.split_);
    if (measured_ > 0) made.measures = evaluation_->measures();
    for (const auto& [number, row] : rows_) {
      ++(row.error.empty() ? made.predicted : made.failed);
      if (!row.truth.empty()) made.has_truth = true;
      made.rows.push_back(row);
    }
    return made;
  }

 private:
  std::string path_of(int64_t number) const {
    const Split& split = predictor_.split_;
    const std::string name = split.has_indices && split.describe ? split.describe(number) : "";
    return name.empty() ? std::to_string(number) : name;
  }

  // Measures what the model gave for a batch. Gives the names of the true classes, if there are such.
  std::vector<std::string> note_truth(const at::Tensor& output, const Batch& batch,
                                      const std::vector<std::string>& paths) {
    if (!truth_.may_be_known()) return {};
    const auto target = truth_.of(batch, paths);
    if (classes_.empty()) {
      evaluation_->add(output, target);
      measured_ += batch.size();
      return {};
    }
    const auto known = target.ge(0).nonzero().squeeze(1);
    if (known.numel() > 0) evaluation_->add(output.index_select(0, known), target.index_select(0, known));
    measured_ += known.numel();
    std::vector<std::string> truths;
    for (int64_t i = 0; i < target.numel(); ++i) {
      const auto number = target[i].item<int64_t>();
      truths.push_back(number < 0 ? "" : classes_[static_cast<size_t>(number)]);
    }
    return truths;
  }

  const Predictor& predictor_;
  std::vector<std::string> classes_;
  std::unique_ptr<PredictionWriter> writer_;
  Truth truth_;
  FileNames names_;
  std::unique_ptr<Evaluation> evaluation_;
  NotFiniteSearch not_finite_;
  std::map<int64_t, Prediction> rows_;
  int64_t measured_ = 0;
};

Predictor::Predictor(const TrainedRun& run, const PredictionRequest& request, const configs::DatasetTypes& datasets,
                     const ModelTypes& models)
    : path_(run.path),
      input_(request.input),
      datasets_(datasets),
      data_(facts_of(run, datasets)),
      mask_values_(mask_values_of(configuration_in(run))),
      run_(
          without_test(configs::load(prediction_config(configuration_in(run), input_, data_.spec), request.overrides))),
      settings_(read_settings(run_)),
      task_(make_task(run_, settings_, data_)),
      learner_(trained_learner(run_, settings_, run.checkpoint, data_, *task_, models)),
      skips_errors_(reads_skip(run_)),
      split_(open_split(with(run_, {"loader.on_error=skip"}), loading())) {
  require_same_input(run_, split_.spec, data_.spec);
}

LoadingOptions Predictor::loading() const {
  return {learner_.place.device, settings_.run.seed, /*shuffle=*/false, &datasets_};
}

std::optional<Predictions> Predictor::predict(const PredictionOptions& options,
                                              const std::function<bool(int64_t done)>& go_on) {
  const at::NoGradGuard no_grad;
  PredictionOptions as_trained = options;
  as_trained.mask_values = mask_values_;
  Table table(*this, as_trained);
  for (int64_t done = 0; const auto batch = split_.loader->next();) {
    table.add(*batch);
    if (!go_on(done += batch->size())) return std::nullopt;
  }
  if (!split_.has_indices) return table.predictions(static_cast<int64_t>(split_.loader->stats().skipped_samples));
  std::vector<int64_t> missing;
  for (int64_t number = 0; number < split_.samples.value_or(0); ++number)
    if (!table.has(number)) missing.push_back(number);
  read_alone(run_, loading(), missing,
             {[&](const Batch& batch) { table.add(batch); },
              [&](int64_t number, const std::string& error) { table.add_error(number, error); }});
  return table.predictions(/*lost=*/0);
}

}  // namespace millrace::training
