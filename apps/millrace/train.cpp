#include <ATen/Context.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/loss_summary.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/told_notices.h"
#include "millrace/apps/millrace/trace.h"
#include "millrace/configs/document.h"
#include "millrace/loader/data_loader.h"
#include "millrace/records/run_directory.h"
#include "millrace/sharing/cuda/stream.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/data.h"
#include "millrace/training/evaluate.h"
#include "millrace/training/first_batch.h"
#include "millrace/training/initial_weights.h"
#include "millrace/training/journal.h"
#include "millrace/training/learner.h"
#include "millrace/training/models/model_types.h"
#include "millrace/training/settings.h"
#include "millrace/training/stop_request.h"
#include "millrace/training/trainer.h"

namespace millrace::apps {
namespace {

using training::Better;
using training::Checkpoint;
using training::Measure;
using training::Position;
using training::Settings;
using training::Split;

// The trainer and its workers share the cores.
int trainer_threads(const DataLoader& loader) {
  const int64_t workers = loader.options().num_workers();
  return static_cast<int>(std::max<int64_t>(1, int64_t{std::thread::hardware_concurrency()} - workers));
}

// " of 7 of 8 samples": of how many an evaluation is, where that is not all of them as they are.
std::string text_of_share(const training::Verdict& verdict) {
  std::string text;
  if (verdict.skipped > 0)
    text = " of " + std::to_string(verdict.samples) + " of " + std::to_string(verdict.samples + verdict.skipped) +
           " samples";
  else if (verdict.replaced > 0)
    text = " of " + std::to_string(verdict.samples) + " samples";
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
  std::string text = " over " + std::to_string(position.samples);
  if (position.skipped > 0) text += " of " + std::to_string(position.samples + position.skipped);
  text += " samples";
  if (position.replaced > 0) text += ", " + std::to_string(position.replaced) + " replaced";
  return text;
}

// Directories may be no UTF-8.
std::string to_line(const nlohmann::json& json) {
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

bool is_better(const Measure& measure, double best) {
  return measure.better == Better::kHigher ? measure.value > best : measure.value < best;
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
  Training(const configs::Node& run, const commands::Train& options, const ProgramTypes& types)
      : run_(run),
        options_(options),
        settings_(training::read_settings(run)),
        notices_([this](const std::string& line) { log(line); }),
        device_(training::read_device(run, settings_.run.device)),
        split_(training::open_split(run, loading(types, options.trace.empty() ? Profile::kOff : Profile::kTrace))),
        test_(training::open_test_split(run, split_, loading(types, Profile::kOff))),
        task_(training::make_task(run, settings_, split_)),
        learner_(training::make_learner(run, settings_, split_.spec, task_->outputs(), types.models)),
        trainer_(learner_, parts()) {
    at::set_num_threads(trainer_threads(*split_.loader));
    if (!options.trace.empty()) device_.is_cuda() ? trace_.emplace(device_.index()) : trace_.emplace();
  }

  int train() {
    begin();
    tell(first_line(),
         {{"event", "begin"}, {"samples", split_.samples ? nlohmann::json(*split_.samples) : nlohmann::json()}});
    const training::StopRequest stop;
    while (position_.epoch < settings_.run.epochs && !is_hopeless()) {
      if (!epoch(stop)) return stopped();
    }
    finish();
    return kDone;
  }

 private:
  training::LoadingOptions loading(const ProgramTypes& types, Profile profile) const {
    return {device_, settings_.run.seed, /*shuffle=*/true, &types.datasets, profile};
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
    if (!options_.resume.empty()) {
      directory_ = records::RunDirectory::open(options_.resume);
      const std::string path = directory_->file(kLast, kAboutLast);
      const Checkpoint checkpoint = training::read_checkpoint(path);
      configs::build_at<std::exception>(run_, [&] { return go_on(checkpoint); });
      keep_journal(training::Journal::resume(*directory_, columns(), position_.epoch, position_.steps));
      return;
    }
    training::load_initial_weights(run_, *learner_.model);
    if (settings_.run.output.empty()) return;
    directory_ = records::RunDirectory::make(settings_.run.output, options_.name());
    directory_->write_config(configs::to_yaml(run_.value()));
    keep_journal(training::Journal::begin(*directory_, columns()));
  }

  // From here on lines go to the log, those first that were told before there was one.
  void keep_journal(training::Journal journal) {
    const std::lock_guard lock(log_mutex_);
    journal_.emplace(std::move(journal));
    for (const auto& line : std::exchange(told_before_, {})) journal_->line(line);
  }

  int go_on(const Checkpoint& checkpoint) {
    position_ = checkpoint.position;
    trainer_.copy_from(checkpoint);
    split_.loader->load_state_dict(checkpoint.loader);
    training::restore_random(checkpoint.random);
    return 0;
  }

  std::string first_line() const {
    std::string text = split_.samples ? std::to_string(*split_.samples) + " samples" : "samples";
    if (task_->has_classes()) text += " in " + std::to_string(task_->outputs()) + " classes";
    text += ", " + to_string(split_.spec);
    if (position_.steps > 0)
      text += "\ngoing on in epoch " + std::to_string(position_.epoch + 1) + " behind batch " +
              std::to_string(position_.batches);
    return text;
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
    if (journal_ && position_.trained == 0) watchers.given = [this](const Batch& batch) { show_if_first(batch); };
    watchers.batch = [&](const Position& position, const std::function<double()>& loss) {
      progress.update(done(), [&] { return notes(position, loss()); });
      if (journal_ && position.steps > noted_steps_ && position.steps % kStepsBetweenNotes == 0) {
        noted_steps_ = position.steps;
        journal_->step(position.steps, {{"step/loss", loss()}, {"step/lr", trainer_.learning_rate(position)}});
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
    if (const auto sheet = training::first_batch_sheet(batch, split_.classes)) journal_->first_batch(*sheet);
  }

  // Samples of the whole run.
  int64_t done() const { return position_.epoch * split_.samples.value_or(0) + position_.samples; }

  // What the progress line tells beside how far it is.
  std::vector<std::string> notes(const Position& position, double loss) const {
    char loss_text[32], wait_text[48];
    std::snprintf(loss_text, sizeof loss_text, "loss %.3f", loss);
    std::snprintf(wait_text, sizeof wait_text, "%.0f %% waiting for data",
                  100 * position.wait_seconds / position.seconds);
    std::vector<std::string> notes{loss_text, wait_text};
    const auto losses = loss_notes(split_.loader->stats());
    notes.insert(notes.begin() + 1, losses.begin(), losses.end());
    return notes;
  }

  void trace(training::Phase phase) {
    const bool waits = phase == training::Phase::kWait;
    cuda::api::Stream stream = nullptr;
    if (device_.is_cuda())
      stream = waits ? split_.loader->copy_stream(device_.index()) : cuda::current_stream(device_.index());
    trace_->begin(waits ? "wait for data" : "step", {stream, waits ? "copies to the device" : "work of the device"});
  }

  // Measures the model, writes down what the epoch was, keeps it if it is the best.
  void judge(const Position& before) {
    const double loss = position_.loss_sum / static_cast<double>(position_.samples);
    std::vector<Measure> measures{{"loss", loss, Better::kLower, ""}};
    std::vector<records::Metric> metrics{{"train_loss", loss}};
    std::optional<training::Verdict> verdict;
    std::vector<std::string> names;
    std::string test_text;
    if (test_) {
      const training::Ema::InPlace averages(trainer_.ema());
      verdict = training::evaluate(learner_, *task_, *test_);
      measures = verdict->evaluation->measures();
      names.reserve(measures.size());
      for (const Measure& measure : measures)
        metrics.push_back({names.emplace_back("test_" + measure.name), measure.value});
      const std::string share = text_of_share(*verdict);
      test_text = text_of(measures) + share;
      last_test_text_ = ", test " + measures.front().text + share;
    }
    const double seconds = position_.seconds - before.seconds;
    const double waited = position_.wait_seconds - before.wait_seconds;
    metrics.push_back({"lr", trainer_.learning_rate(position_)});
    metrics.push_back({"samples_per_s", static_cast<double>(position_.trained - before.trained) / seconds});
    metrics.push_back({"data_wait", waited / seconds});
    const int64_t number = position_.epoch + 1;
    char text[96];
    std::snprintf(text, sizeof text, "epoch %ld/%ld: loss %.4f", number, settings_.run.epochs, loss);
    nlohmann::json line{{"event", "epoch"}, {"epoch", number}, {"epochs", settings_.run.epochs}};
    for (const auto& metric : metrics) line[std::string(metric.name)] = metric.value;
    tell(text + text_of_losses(position_) + test_text, line);
    if (journal_) journal_->epoch(number, position_.steps, metrics);
    const bool is_best = !position_.best || is_better(measures.front(), *position_.best);
    if (is_best) {
      position_.best = measures.front().value;
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
    tell("stopped in epoch " + std::to_string(position_.epoch + 1) + " behind batch " +
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
    char text[160];
    std::snprintf(text, sizeof text,
                  "trained %ld epochs in %.2f s: %.0f samples/s, waited for data %.1f %% of the time", position_.epoch,
                  position_.seconds, static_cast<double>(position_.trained) / position_.seconds,
                  100 * position_.wait_seconds / position_.seconds);
    tell(text + last_test_text_, {{"event", "end"},
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
    std::vector<std::string> columns{"train_loss"};
    if (test_)
      for (const Measure& measure : task_->evaluation()->measures()) columns.push_back("test_" + measure.name);
    columns.insert(columns.end(), {"lr", "samples_per_s", "data_wait"});
    return columns;
  }

  // What the loaders lost in this process; a run that goes on has told of what it lost before.
  void tell_losses() {
    std::vector<std::string> lines{loss_summary("while training", split_.loader->stats())};
    if (test_) lines.push_back(loss_summary("while testing", test_->loader->stats()));
    for (const auto& line : lines)
      if (!line.empty()) tell(line, {{"event", "losses"}, {"text", line}});
  }

  nlohmann::json path_of_directory() const {
    return directory_ ? nlohmann::json(directory_->path()) : nlohmann::json();
  }

  // Prints one or the other; the log has the words.
  void tell(const std::string& text, const nlohmann::json& line) {
    std::printf("%s\n", options_.file.json ? to_line(line).c_str() : text.c_str());
    log(text);
  }

  // Notices come here as well, from whichever thread has one.
  void log(const std::string& line) {
    const std::lock_guard lock(log_mutex_);
    if (journal_)
      journal_->line(line);
    else
      told_before_.push_back(line);
  }

  static constexpr const char* kLast = "last.pt";
  static constexpr const char* kAboutLast = "the last checkpoint, from which --resume goes on";
  static constexpr int64_t kStepsBetweenNotes = 10;

  const configs::Node& run_;
  const commands::Train& options_;
  Settings settings_;
  // What the log takes lives longer than the loaders, which may have a last word.
  std::mutex log_mutex_;
  std::vector<std::string> told_before_;  // Lines of the time before there is a journal.
  std::optional<records::RunDirectory> directory_;
  std::optional<training::Journal> journal_;
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

int train(const configs::Node& run, const commands::Train& options, const ProgramTypes& types) {
  return Training(run, options, types).train();
}

}  // namespace millrace::apps
