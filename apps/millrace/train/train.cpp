#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/loss_summary.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/told_notices.h"
#include "millrace/apps/millrace/trace.h"
#include "millrace/apps/millrace/train/epoch_report.h"
#include "millrace/apps/millrace/train/run_lines.h"
#include "millrace/apps/millrace/train/run_output.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/document.h"
#include "millrace/configs/yaml.h"
#include "millrace/loader/data_loader.h"
#include "millrace/records/run_directory.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/data.h"
#include "millrace/training/evaluate.h"
#include "millrace/training/first_batch.h"
#include "millrace/training/initial_weights.h"
#include "millrace/training/journal.h"
#include "millrace/training/learner.h"
#include "millrace/training/mask_warning.h"
#include "millrace/training/models/model_types.h"
#include "millrace/training/settings.h"
#include "millrace/training/stop_request.h"
#include "millrace/training/trainer.h"
#include "millrace/training/trial.h"

namespace millrace::apps {
namespace {

using training::Better;
using training::Checkpoint;
using training::Measure;
using training::Position;
using training::Settings;
using training::Split;

// The trainer and its workers share the processors that this process may use: a container may have few of many.
int trainer_threads(const DataLoader& loader) {
  return static_cast<int>(std::max<int64_t>(1, processors().usable() - loader.options().num_workers()));
}

bool is_better(const Measure& measure, double best) {
  return measure.better == Better::kHigher ? measure.value > best : measure.value < best;
}

// "adamw", of a section that is completed.
std::string type_of_optimizer(const configs::Node& run) {
  const configs::Node section = run["optimizer"];
  return section.value().kind == configs::Value::Kind::kMap ? section["type"].value().text : section.value().text;
}

int64_t steps_per_epoch(const configs::Node& run, const DataLoader& loader, const configs::tables::Gradients& keys) {
  int64_t batches = 0;
  try {
    batches = loader.size();
  } catch (const std::logic_error&) {
    throw run["dataset"].error("how many samples it has is not known, and so not how many steps training has");
  }
  if (batches == 0)
    throw run["loader"].error("an epoch has no batch: drop_last drops the only one; use a smaller batch_size");
  return (batches + keys.accumulate - 1) / keys.accumulate;
}

// One run of training: what is read from the file, what it makes, and how far it is.
class Training {
 public:
  /// Makes all that it trains with. `workers`: in place of those that the file says.
  Training(const configs::Node& run, const commands::Train& options, const ProgramTypes& types,
           std::optional<int64_t> workers = std::nullopt)
      : run_(run),
        options_(options),
        settings_(training::read_settings(run)),
        output_(options.file.json ? RunOutput::Form::kJson : RunOutput::Form::kWords),
        notices_([this](const std::string& line) { output_.log(line); }),
        device_(training::read_device(run, settings_.run.device)),
        split_(training::open_split(run,
                                    loading(types, workers, options.trace.empty() ? Profile::kOff : Profile::kTrace))),
        test_(training::open_test_split(run, split_, loading(types, workers, Profile::kOff))),
        task_(training::make_task(run, settings_, split_)),
        learner_(training::make_learner(run, settings_, split_.spec, task_->outputs(), types.models)),
        trainer_(learner_, parts()) {
    at::set_num_threads(trainer_threads(*split_.loader));
    if (!options.trace.empty()) device_.is_cuda() ? trace_.emplace(device_.index()) : trace_.emplace();
  }

  /// Tries what can be tried without a step: the model, and what it begins with. Throws ConfigError.
  void prepare() {
    training::try_model(run_, learner_, *task_, split_);
    if (!options_.resume.empty()) {
      directory_ = records::RunDirectory::open(options_.resume);
      go_on(training::read_checkpoint(directory_->file(kLast, kAboutLast)));
      return;
    }
    training::load_initial_weights(run_, *learner_.model);
    if (settings_.run.output.empty()) return;
    configs::build_at<std::exception>(run_.section("output"), [&] {
      records::RunDirectory::require_possible(settings_.run.output);
      return 0;
    });
  }

  int train() {
    prepare();
    begin();
    output_.tell(
        first_line(split_, *task_, position_),
        {{"event", "begin"}, {"samples", split_.samples ? nlohmann::json(*split_.samples) : nlohmann::json()}});
    const training::StopRequest stop;
    while (position_.epoch < settings_.run.epochs && !is_hopeless()) {
      if (!epoch(stop)) return stopped();
    }
    finish();
    return kDone;
  }

 private:
  training::LoadingOptions loading(const ProgramTypes& types, std::optional<int64_t> workers, Profile profile) const {
    return {device_, settings_.run.seed, /*shuffle=*/true, &types.datasets, profile, workers};
  }

  training::TrainerParts parts() {
    training::TrainerParts parts;
    parts.task = task_.get();
    parts.optimizer = training::read_optimizer(run_["optimizer"], learner_.model->parameters());
    parts.schedule = training::read_schedule(run_["schedule"]);
    parts.plan.steps_per_epoch = steps_per_epoch(run_, *split_.loader, settings_.gradients);
    parts.plan.steps = parts.plan.steps_per_epoch * settings_.run.epochs;
    if (settings_.ema.decay > 0) parts.ema.emplace(settings_.ema.decay, *learner_.model);
    parts.mix = settings_.mix;
    if ((parts.mix.mixup > 0 || parts.mix.cutmix > 0) && !task_->has_classes())
      throw run_["mix"].error("is for classification; remove it for " + std::string(task_->name()));
    parts.gradients = settings_.gradients;
    parts.seed = settings_.run.seed;
    return parts;
  }

  // A directory and its files, new or those of the run that goes on.
  void begin() {
    if (directory_) {
      output_.keep_in(training::Journal::resume(*directory_, columns(), position_.epoch, position_.steps));
      return;
    }
    if (settings_.run.output.empty()) return;
    directory_ = records::RunDirectory::make(settings_.run.output, options_.name());
    directory_->write_config(configs::to_yaml(run_.value()));
    output_.keep_in(training::Journal::begin(*directory_, columns()));
  }

  void go_on(const Checkpoint& checkpoint) {
    const std::string begun =
        type_of_optimizer(configs::Node(configs::parse(checkpoint.configuration, directory_->path())));
    if (const std::string found = type_of_optimizer(run_); found != begun)
      throw run_["optimizer"].error("the run was begun with " + printable(begun) + ", whose state does not fit " +
                                    found + "; go on with it, or begin another run with weights.from");
    configs::build_at<std::exception>(run_, [&] {
      position_ = checkpoint.position;
      trainer_.copy_from(checkpoint);
      split_.loader->load_state_dict(checkpoint.loader);
      training::restore_random(checkpoint.random);
      return 0;
    });
  }

  // Trains and judges one. False when training has to stop in its middle.
  bool epoch(const training::StopRequest& stop) {
    Progress progress("training", "samples", settings_.run.epochs * split_.samples.value_or(0), done());
    const Position before = position_;
    if (!trainer_.epoch(split_, position_, watchers(stop, progress))) return false;
    if (trace_) trace_->settle();
    progress.clear();
    judge(before);
    return true;
  }

  training::Trainer::Watchers watchers(const training::StopRequest& stop, Progress& progress) {
    training::Trainer::Watchers watchers;
    if (trace_) {
      watchers.begin = [this](training::Phase phase) { trace(phase); };
      watchers.end = [this] {
        trace_->end();
        trace_->add(split_.loader->take_spans());
      };
    }
    training::Journal* const journal = output_.journal();
    if (position_.trained == 0) watchers.given = [this](const Batch& batch) { show_if_first(batch); };
    watchers.batch = [&, journal](const Position& position, const std::function<double()>& loss) {
      progress.update(done(), [&] { return progress_notes(position, loss(), split_.loader->stats()); });
      if (journal && position.steps > noted_steps_ && position.steps % kStepsBetweenNotes == 0) {
        noted_steps_ = position.steps;
        journal->step(position.steps, {{"step/loss", loss()}, {"step/lr", trainer_.learning_rate(position)}});
      }
    };
    watchers.go_on = [&](const std::function<void()>& note) {
      const int64_t every = settings_.checkpoints.every_steps;
      if (every > 0 && position_.steps % every == 0) {
        note();
        save({kLast});
      }
      return !stop.is_made();
    };
    return watchers;
  }

  // For a look at whether the model is given what was meant.
  void show_if_first(const Batch& batch) {
    if (position_.trained > 0) return;
    training::warn_of_black_and_white_masks(batch.columns());
    if (output_.journal() == nullptr) return;
    if (const auto sheet = training::first_batch_sheet(batch, split_.classes)) output_.journal()->first_batch(*sheet);
  }

  // Samples of the whole run.
  int64_t done() const { return position_.epoch * split_.samples.value_or(0) + position_.samples; }

  void trace(training::Phase phase) {
    const bool waits = phase == training::Phase::kWait;
    cuda::api::Stream stream = nullptr;
    if (device_.is_cuda())
      stream = waits ? split_.loader->copy_stream(device_.index()) : cuda::current_stream(device_.index());
    trace_->begin(waits ? "wait for data" : "step", {stream, waits ? "copies to the device" : "work of the device"});
  }

  // Measures the model, writes down what the epoch was, keeps it if it is the best.
  void judge(const Position& before) {
    std::optional<training::Verdict> verdict;
    if (test_) {
      const training::Ema::InPlace averages(trainer_.ema());
      verdict = training::evaluate(learner_, *task_, *test_);
    }
    const double rate = trainer_.learning_rate(position_);
    const EpochReport report = report_epoch(before, position_, settings_.run.epochs, rate, verdict);
    last_test_text_ = report.deciding_text;
    output_.tell(report.text, report.line);
    const int64_t number = position_.epoch + 1;
    if (training::Journal* const journal = output_.journal()) {
      std::vector<records::Metric> metrics;
      for (const auto& [name, value] : report.metrics) metrics.push_back({name, value});
      journal->epoch(number, position_.steps, metrics);
    }
    const bool is_best = !position_.best || is_better(report.deciding, *position_.best);
    if (is_best) {
      position_.best = report.deciding.value;
      position_.best_epoch = position_.epoch;
      if (verdict && directory_) keep_table(*verdict);
    }
    keep(number, is_best);
  }

  void keep_table(const training::Verdict& verdict) {
    const std::string table = verdict.evaluation->table();
    if (table.empty()) return;
    NewFile file(directory_->file("classes.csv", "of the best epoch: a row a class, and what each was taken for"));
    file.write(std::as_bytes(std::span(table)));
    file.commit();
  }

  // Goes to the beginning of the next epoch, which is what the checkpoints of one that has ended say.
  void keep(int64_t number, bool is_best) {
    const auto& keys = settings_.checkpoints;
    ++position_.epoch;
    begin_epoch();
    const bool is_last = number == settings_.run.epochs || is_hopeless();
    std::vector<std::string> names;
    if (is_last || (keys.every_epochs > 0 && number % keys.every_epochs == 0)) names.emplace_back(kLast);
    if (is_best) names.emplace_back("best.pt");
    if (keys.keep_every_epochs > 0 && number % keys.keep_every_epochs == 0)
      names.push_back("epoch_" + std::to_string(number) + ".pt");
    save(names);
  }

  void begin_epoch() {
    position_.batches = 0;
    position_.loss_sum = 0;
    position_.samples = position_.skipped = position_.replaced = 0;
  }

  // Whether it has been no better for too long.
  bool is_hopeless() const {
    const int64_t patience = settings_.early_stop.patience;
    return patience > 0 && position_.best && position_.epoch - 1 - position_.best_epoch >= patience;
  }

  // One checkpoint under several names.
  void save(const std::vector<std::string>& names) {
    if (!directory_ || names.empty()) return;
    Checkpoint checkpoint;
    checkpoint.position = position_;
    trainer_.save_to(checkpoint);
    checkpoint.random = training::random_states(device_);
    checkpoint.loader = split_.loader->state_dict();
    checkpoint.configuration = configs::to_yaml(run_.value());
    checkpoint.data = split_;
    for (const auto& name : names)
      training::write_checkpoint(directory_->file(name, name == kLast ? kAboutLast : "a checkpoint"), checkpoint);
  }

  // As it was called: a program with types of its own has a name of its own.
  static std::string program() { return program_invocation_short_name; }

  int stopped() {
    save({kLast});
    tell_losses();
    output_.tell("stopped in epoch " + std::to_string(position_.epoch + 1) + " behind batch " +
                     std::to_string(position_.batches) +
                     (directory_ ? "; go on with: " + program() + " train --resume " + directory_->path()
                                 : "; nothing is kept, since output is ''"),
                 {{"event", "stopped"},
                  {"epoch", position_.epoch + 1},
                  {"batches", position_.batches},
                  {"directory", path_of_directory()}});
    return kStopped;
  }

  void finish() {
    output_.tell(last_line(position_) + last_test_text_,
                 {{"event", "end"},
                  {"epochs", position_.epoch},
                  {"seconds", position_.seconds},
                  {"samples_per_s", static_cast<double>(position_.trained) / position_.seconds},
                  {"data_wait", position_.wait_seconds / position_.seconds},
                  {"directory", path_of_directory()}});
    tell_losses();
    if (trace_) trace_->write(options_.trace);
    if (directory_) std::fputs(directory_->overview().c_str(), stderr);
  }

  std::vector<std::string> columns() const {
    return metric_names(test_ ? task_->evaluation()->measures() : std::vector<Measure>());
  }

  // What the loaders lost in this process; a run that goes on has told of what it lost before.
  void tell_losses() {
    std::vector<std::string> lines{loss_summary("while training", split_.loader->stats())};
    if (test_) lines.push_back(loss_summary("while testing", test_->loader->stats()));
    for (const auto& line : lines)
      if (!line.empty()) output_.tell(line, {{"event", "losses"}, {"text", line}});
  }

  nlohmann::json path_of_directory() const {
    return directory_ ? nlohmann::json(directory_->path()) : nlohmann::json();
  }

  static constexpr const char* kLast = "last.pt";
  static constexpr const char* kAboutLast = "the last checkpoint, from which --resume goes on";
  static constexpr int64_t kStepsBetweenNotes = 10;

  const configs::Node& run_;
  const commands::Train& options_;
  Settings settings_;
  // What the log takes lives longer than the loaders, which may have a last word.
  std::optional<records::RunDirectory> directory_;
  RunOutput output_;
  ToldNotices notices_;
  c10::Device device_;
  Split split_;
  std::optional<Split> test_;
  std::unique_ptr<training::Task> task_;
  training::Learner learner_;
  training::Trainer trainer_;
  std::optional<Trace> trace_;
  Position position_;
  int64_t noted_steps_ = 0;
  std::string last_test_text_;
};

}  // namespace

void try_training(const configs::Node& run, const commands::Train& options, const ProgramTypes& types) {
  Training(run, options, types, /*workers=*/0).prepare();
}

int train(const configs::Node& run, const commands::Train& options, const ProgramTypes& types) {
  return Training(run, options, types).train();
}

}  // namespace millrace::apps
