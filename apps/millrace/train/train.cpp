#include <cmath>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/error_text.h"
#include "millrace/apps/millrace/loss_summary.h"
#include "millrace/apps/millrace/picture_sizes.h"
#include "millrace/apps/millrace/progress.h"
#include "millrace/apps/millrace/told_notices.h"
#include "millrace/apps/millrace/train/epoch_report.h"
#include "millrace/apps/millrace/train/going_on.h"
#include "millrace/apps/millrace/train/run_lines.h"
#include "millrace/apps/millrace/train/run_output.h"
#include "millrace/apps/millrace/train/setup.h"
#include "millrace/apps/millrace/train/step_trace.h"
#include "millrace/configs/binder.h"
#include "millrace/configs/limits.h"
#include "millrace/configs/yaml.h"
#include "millrace/records/run_directory.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/os/shell_word.h"
#include "millrace/training/box_warning.h"
#include "millrace/training/checkpoint.h"
#include "millrace/training/defaults.h"
#include "millrace/training/evaluate.h"
#include "millrace/training/first_batch.h"
#include "millrace/training/initial_weights.h"
#include "millrace/training/journal.h"
#include "millrace/training/known_classes.h"
#include "millrace/training/mask_warning.h"
#include "millrace/training/stop_request.h"
#include "millrace/training/trainer.h"
#include "millrace/training/trial.h"

namespace millrace::apps {
namespace {

using training::Better;
using training::Checkpoint;
using training::Measure;
using training::Position;

bool is_better(const Measure& measure, double best) {
  return measure.better == Better::kHigher ? measure.value > best : measure.value < best;
}

// One run of training: what is read from the file, what it makes, and how far it is.
class Training {
 public:
  /// Makes all that it trains with. `workers`: in place of those that the file says.
  Training(const configs::Node& run, const commands::Train& options, const ProgramTypes& types,
           std::optional<int64_t> workers = std::nullopt)
      : run_(run),
        options_(options),
        types_(types),
        all_keys_(all_keys_of(run.value())),
        output_(options.file.json ? RunOutput::Form::kJson : RunOutput::Form::kWords),
        notices_([this](NoticeLevel level, std::string_view text) { output_.notice(level, text); }),
        made_(with_one_split(run), types, options.trace.empty() ? Profile::kOff : Profile::kTrace, workers) {
    if (!options.trace.empty()) trace_.emplace(options.trace, made_.device, *made_.split.loader);
  }

  /// Tries what validate() has not, and can be tried without a step: labels that are known without reading samples, the
  /// model, and what it begins with. Throws ConfigError.
  void prepare() {
    training::warn_of_boxes(made_.split.spec, *training::target_field(made_.split.spec));
    training::require_known_labels(run_, *made_.task, run_, made_.split);
    if (made_.test) training::require_known_labels(run_, *made_.task, run_["test"], *made_.test);
    training::try_model(run_, made_.learner, *made_.task, made_.split);
    if (!options_.resume.empty()) return go_on();
    training::load_initial_weights(run_, *made_.learner.model);
    if (made_.settings.run.output.empty()) return;
    configs::build_at<std::exception>(run_.section("output"), [&] {
      records::RunDirectory::require_possible(made_.settings.run.output);
      return 0;
    });
  }

  /// Looks at the first batch of each split, as training does before it takes a step of it. Throws ConfigError.
  void look_at_first_batches() {
    const auto look_at = [this](const configs::Node& pipeline, training::Split& split) {
      const configs::Node dataset = pipeline["dataset"];
      const auto batch = configs::build_at<std::exception>(dataset, [&] { return split.loader->next(); });
      if (batch) training::require_known_classes(run_, *made_.task, *batch, split);
    };
    look_at(run_, made_.split);
    if (made_.test) look_at(run_["test"], *made_.test);
  }

  /// Whatever ends training is told in the log too.
  int train() {
    require_one_size_of(run_, made_.split);
    if (made_.test) require_one_size_of(run_["test"], *made_.test);
    prepare();
    begin();
    try {
      return train_to_the_end();
    } catch (const std::exception& error) {
      output_.log("ended by an error: " + error_text(error));
      throw;
    }
  }

 private:
  void require_one_size_of(const configs::Node& pipeline, const training::Split& split) const {
    if (split.samples) require_one_size(pipeline, types_.transforms, {*split.samples, split.picture_file});
  }

  int train_to_the_end() {
    output_.tell(first_line(made_.split, *made_.task));
    for (const std::string& change : changes_)
      output_.tell({"changed: " + change, {{"event", "changed"}, {"text", change}}});
    if (!options_.resume.empty()) output_.tell(going_on_line(position_, made_.settings.run.epochs, is_at_its_end()));
    const training::StopRequest stop;
    while (!is_at_its_end()) {
      if (!epoch(stop)) return stopped(stop);
    }
    finish();
    return kDone;
  }

  // The run. Before its data are opened, of which a folder may be gone that is given anew for one part alone.
  const configs::Node& with_one_split(const configs::Node& run) const {
    if (!options_.resume.empty())
      require_one_split(configs::Node(all_keys_), all_keys_of(configs::parse(kept_config(), options_.file.config)));
    require_two_parts(configs::Node(all_keys_));
    return run;
  }

  configs::Value all_keys_of(configs::Value run) const {
    return training::with_all_keys(training::with_defaults(std::move(run), processors().usable()),
                                   describe_sections(types_.own()));
  }

  // A directory and its files, new or those of the run that goes on.
  void begin() {
    if (directory_) {
      output_.keep_in(training::Journal::resume(*directory_, made_.metrics(), position_.epoch, position_.steps));
      keep_changes();
      return;
    }
    if (made_.settings.run.output.empty()) return;
    directory_ = records::RunDirectory::make(made_.settings.run.output, options_.name());
    directory_->write_config(configs::to_yaml(all_keys_) + "\n");
    output_.keep_in(training::Journal::begin(*directory_, made_.metrics()));
  }

  // The next time the run goes on by what was changed this time.
  void keep_changes() {
    if (changes_.empty()) return;
    take_first_origins(all_keys_, options_.file.config, kept_config());
    directory_->write_config(configs::to_yaml(all_keys_) + "\n");
  }

  // Of a run that was killed before its first checkpoint all is as at its beginning.
  void go_on() {
    directory_ = records::RunDirectory::open(options_.resume);
    const std::string last = directory_->file(kLast, kAboutLast);
    std::optional<Checkpoint> checkpoint;
    if (std::filesystem::exists(last))
      checkpoint = training::read_checkpoint(last);
    else
      require_no_best();
    const auto begun = all_keys_of(configs::parse(checkpoint ? checkpoint->configuration : kept_config(),
                                                  checkpoint ? last : options_.file.config));
    require_may_change(configs::Node(all_keys_), begun);
    changes_ = changes(all_keys_, begun);
    checkpoint ? take(*checkpoint) : training::load_initial_weights(run_, *made_.learner.model);
  }

  // The run would begin anew, and write over the best model and its numbers.
  void require_no_best() const {
    const std::string best = (std::filesystem::path(directory_->path()) / kBest).string();
    if (!std::filesystem::exists(best)) return;
    throw run_.error(in_quotes(directory_->path()) + " has best.pt but no last.pt to go on from; " +
                     "begin anew in another output with " + shell_word("weights.from=" + best));
  }

  void take(const Checkpoint& checkpoint) {
    configs::build_at<std::exception>(run_, [&] {
      position_ = checkpoint.position;
      made_.trainer.copy_from(checkpoint);
      made_.split.loader->load_state_dict(checkpoint.loader);
      training::restore_random(checkpoint.random);
      return 0;
    });
  }

  // The text of config.yaml in the directory of a run that goes on.
  std::string kept_config() const {
    return millrace::detail::read_regular(options_.file.config, configs::Limits::kBytes);
  }

  // Trains and judges one. False when that has to stop in its middle.
  bool epoch(const training::StopRequest& stop) {
    const Position before = position_;
    if (!position_.is_trained) {
      Progress progress("training", "samples", made_.settings.run.epochs * made_.split.samples_an_epoch.value_or(0),
                        done());
      if (!made_.trainer.epoch(made_.split, position_, watchers(stop, progress))) return false;
      position_.is_trained = true;
      if (trace_) trace_->settle();
    }
    return judge(before, stop);
  }

  training::Trainer::Watchers watchers(const training::StopRequest& stop, Progress& progress) {
    training::Trainer::Watchers watchers;
    if (trace_) trace_->watch(watchers);
    training::Journal* const journal = output_.journal();
    watchers.given = [this](const Batch& batch) {
      require_known_classes(batch);
      show_if_first(batch);
    };
    watchers.batch = [&, journal](const Position& position, const std::function<double()>& loss) {
      progress.update(done(), [&] { return progress_notes(position, loss(), made_.split.loader->stats()); });
      if (journal && position.steps > noted_steps_ && position.steps % kStepsBetweenNotes == 0) {
        noted_steps_ = position.steps;
        journal->step(position.steps, {{"step/loss", loss()}, {"step/lr", made_.trainer.learning_rate(position)}});
      }
    };
    watchers.go_on = [&](const std::function<void()>& note) {
      const int64_t every = made_.settings.checkpoints.every_steps;
      if (every > 0 && position_.steps % every == 0) {
        note();
        save({kLast});
      }
      return !stop.is_made();
    };
    return watchers;
  }

  void require_known_classes(const Batch& batch) const {
    if (training::looks_for_unknown_classes(made_.device, position_.trained))
      training::require_known_classes(run_, *made_.task, batch, made_.split);
  }

  // For a look at whether the model is given what was meant.
  void show_if_first(const Batch& batch) {
    if (position_.trained > 0) return;
    training::warn_of_black_and_white_masks(batch.columns());
    if (output_.journal() == nullptr) return;
    if (const auto sheet = training::first_batch_sheet(batch, made_.split.classes))
      output_.journal()->first_batch(*sheet);
  }

  // Samples of the whole run.
  int64_t done() const { return position_.epoch * made_.split.samples_an_epoch.value_or(0) + position_.samples; }

  // What the model is worth; nothing where that has to stop.
  std::optional<training::Verdict> test(training::Split& split, const training::StopRequest& stop) {
    Progress progress("testing", "samples", split.samples_an_epoch.value_or(0));
    const training::Ema::InPlace averages(made_.trainer.ema());
    split.loader->set_epoch(position_.epoch);  // What is left to chance there is so in a run that goes on, too.
    return training::evaluate(made_.learner, *made_.task, split, [&](int64_t done) {
      progress.update(done, [] { return std::vector<std::string>(); });
      return !stop.is_made();
    });
  }

  // Measures the model, writes down what the epoch was, keeps it if it is the best. False when that has to stop.
  bool judge(const Position& before, const training::StopRequest& stop) {
    std::optional<training::Verdict> verdict;
    if (made_.test) {
      verdict = test(*made_.test, stop);
      if (!verdict) return false;
      warn_of_not_finite(verdict->not_finite);
    }
    const double rate = made_.trainer.learning_rate(position_);
    const EpochReport report = report_epoch(before, position_, made_.settings.run.epochs, rate, verdict);
    output_.tell(report.told);
    const int64_t number = position_.epoch + 1;
    if (training::Journal* const journal = output_.journal()) {
      std::vector<records::Metric> metrics;
      for (const auto& [name, value] : report.metrics) metrics.push_back({name, value});
      journal->epoch(number, position_.steps, metrics);
    }
    // A measure may overflow where the loss does not; such a model is not the best, even if it is the first.
    const bool is_best =
        std::isfinite(report.deciding.value) && (!position_.best || is_better(report.deciding, *position_.best));
    if (is_best) {
      position_.best = report.deciding.value;
      position_.best_epoch = position_.epoch;
      if (verdict && directory_) keep_table(*verdict);
    }
    last_ = report;
    keep(number, is_best);
    return true;
  }

  // Once, since they are the same in each epoch.
  void warn_of_not_finite(const training::NotFinite& found) {
    if (found.samples == 0 || std::exchange(told_of_not_finite_, true)) return;
    tell(NoticeLevel::kWarning,
         "in the test split " + found.text() + ": measures that they are in may be no numbers either");
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
    const auto& keys = made_.settings.checkpoints;
    ++position_.epoch;
    begin_epoch();
    const bool is_last = is_at_its_end();
    std::vector<std::string> names;
    if (is_last || (keys.every_epochs > 0 && number % keys.every_epochs == 0)) names.emplace_back(kLast);
    if (is_best) names.emplace_back(kBest);
    if (keys.keep_every_epochs > 0 && number % keys.keep_every_epochs == 0)
      names.push_back("epoch_" + std::to_string(number) + ".pt");
    save(names);
  }

  void begin_epoch() {
    position_.batches = 0;
    position_.is_trained = false;
    position_.loss_sum = 0;
    position_.samples = position_.skipped = position_.replaced = 0;
  }

  bool is_at_its_end() const { return position_.epoch >= made_.settings.run.epochs || is_hopeless(); }

  // Whether it has been no better for too long.
  bool is_hopeless() const {
    const int64_t patience = made_.settings.early_stop.patience;
    return patience > 0 && position_.best && position_.epoch - 1 - position_.best_epoch >= patience;
  }

  // One checkpoint under several names.
  void save(const std::vector<std::string>& names) {
    if (!directory_ || names.empty()) return;
    Checkpoint checkpoint;
    checkpoint.position = position_;
    made_.trainer.save_to(checkpoint);
    checkpoint.random = training::random_states(made_.device);
    checkpoint.loader = made_.split.loader->state_dict();
    checkpoint.configuration = configs::to_yaml(run_.value());
    checkpoint.data = made_.split;
    for (const auto& name : names)
      training::write_checkpoint(directory_->file(name, name == kLast ? kAboutLast : "a checkpoint"), checkpoint);
  }

  int stopped(const training::StopRequest& stop) {
    save({kLast});
    tell_losses();
    output_.tell(stopped_line(position_, stop.cause(), path_of_directory()));
    return kStopped;
  }

  void finish() {
    const auto metrics = made_.metrics();
    const std::string& deciding = metrics[made_.test ? 1 : 0];
    if (position_.epoch < made_.settings.run.epochs) output_.tell(early_stop_line(position_));
    output_.tell(last_line(position_, last_ ? &*last_ : nullptr, deciding, path_of_directory()));
    tell_losses();
    if (trace_) trace_->write();
    if (directory_) std::fputs(directory_->overview().c_str(), stderr);
  }

  // What the loaders lost in this process; a run that goes on has told of what it lost before.
  void tell_losses() {
    std::vector<std::string> lines{loss_summary("while training", made_.split.loader->stats())};
    if (made_.test) lines.push_back(loss_summary("while testing", made_.test->loader->stats()));
    for (const auto& line : lines)
      if (!line.empty()) output_.tell({line, {{"event", "losses"}, {"text", line}}});
  }

  std::optional<std::string> path_of_directory() const {
    return directory_ ? std::optional(directory_->path()) : std::nullopt;
  }

  static constexpr const char* kLast = "last.pt";
  static constexpr const char* kBest = "best.pt";
  static constexpr const char* kAboutLast = "the last checkpoint, from which --resume goes on";
  static constexpr int64_t kStepsBetweenNotes = 10;

  const configs::Node& run_;
  const commands::Train& options_;
  const ProgramTypes& types_;
  configs::Value all_keys_;           // The run with every key that it leaves out.
  std::vector<std::string> changes_;  // Of a run that goes on: what is other than it was.
  // What the log takes lives longer than the loaders, which may have a last word.
  std::optional<records::RunDirectory> directory_;
  RunOutput output_;
  ToldNotices notices_;
  RunSetup made_;
  std::optional<StepTrace> trace_;
  Position position_;
  int64_t noted_steps_ = 0;
  bool told_of_not_finite_ = false;
  std::optional<EpochReport> last_;  // Of this process.
};

}  // namespace

void try_training(const configs::Node& run, const commands::Train& options, const ProgramTypes& types) {
  Training tried(run, options, types, /*workers=*/0);
  tried.prepare();
  tried.look_at_first_batches();
}

int train(const configs::Node& run, const commands::Train& options, const ProgramTypes& types) {
  return Training(run, options, types).train();
}

}  // namespace millrace::apps
