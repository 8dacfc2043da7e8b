#pragma once

#include "millrace/apps/millrace/front/commands/bench.h"
#include "millrace/apps/millrace/front/commands/doctor.h"
#include "millrace/apps/millrace/front/commands/predict.h"
#include "millrace/apps/millrace/front/commands/train.h"
#include "millrace/configs/build.h"
#include "millrace/configs/node.h"
#include "millrace/training/models/model_types.h"

/// The commands of `millrace-run`. Each takes the run's configuration, writes results to stdout and progress to stderr,
/// and throws when it fails: configs::ConfigError when the configuration is to blame, anything else when the work is.
namespace millrace::apps {

/// What configurations may name.
struct ProgramTypes {
  configs::DatasetTypes datasets;
  training::ModelTypes models;
};

/// Trains a model: the sections of docs/configs.md. With options.resume it goes on where the run in that directory was.
/// Gives the exit code: kDone, or kStopped when it was asked to stop.
int train(const configs::Node& run, const commands::Train& options, const ProgramTypes& types);

/// Asks a trained model, and writes what it answers. Gives the exit code: kDone, or kWorkFailed where samples could not
/// be read and the settings do not say that this is no matter.
int predict(const commands::Predict& options, const ProgramTypes& types);

/// Measures a loader. Keys: dataset, transforms, sampler, loader and bench.read (none: batches are dropped unread; all:
/// every byte of them is read). With options.batches it takes that many batches and measures nothing, for tools that
/// look at the process from outside.
void bench(const configs::Node& run, const commands::Bench& options);

/// The datasets of configurations, and those that bench adds to measure the loader alone: filled and rows.
configs::DatasetTypes bench_datasets();

/// Says what this machine can do and what limits it: check_host(), and the checks that need a process or a driver.
/// Gives the exit code.
int doctor(const commands::Doctor& options);

}  // namespace millrace::apps
