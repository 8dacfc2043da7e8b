#pragma once

#include "millrace/apps/millrace/front/commands/bench.h"
#include "millrace/apps/millrace/front/commands/doctor.h"
#include "millrace/apps/millrace/front/commands/export.h"
#include "millrace/apps/millrace/front/commands/init.h"
#include "millrace/apps/millrace/front/commands/pack.h"
#include "millrace/apps/millrace/front/commands/predict.h"
#include "millrace/apps/millrace/front/commands/show.h"
#include "millrace/apps/millrace/front/commands/train.h"
#include "millrace/apps/millrace/program_types.h"
#include "millrace/configs/build.h"
#include "millrace/configs/node.h"
#include "millrace/training/predictor.h"

/// The commands of `millrace-run`. Each takes the run's configuration, writes results to stdout and progress to stderr,
/// and throws when it fails: configs::ConfigError when the configuration is to blame, anything else when the work is.
namespace millrace::apps {

/// Looks at a folder or a file, writes a commented configuration for it, and says what it saw. Gives the exit code.
/// Throws std::runtime_error for what cannot be trained on, and for an output that is there already.
int init(const commands::Init& options);

/// Trains a model: the sections of docs/configs.md. With options.resume it goes on where the run in that directory was.
/// Gives the exit code: kDone, or kStopped when it was asked to stop.
int train(const configs::Node& run, const commands::Train& options, const ProgramTypes& types);

/// Makes all that train() would train with, tries the model and looks at the first batches, without workers. Behind
/// validate(), which looks at the data: both together throw what train() would throw before its first step.
void try_training(const configs::Node& run, const commands::Train& options, const ProgramTypes& types);

/// Asks a trained model, and writes what it answers. Gives the exit code: kDone; kWorkFailed where samples could not
/// be read and the settings do not say that this is no matter; kStopped where it was asked to stop.
int predict(const training::TrainedRun& run, const commands::Predict& options, const ProgramTypes& types);

/// Writes the weights that a trained model predicts with to a file of Python's, and says which they are. Gives the exit
/// code. Throws std::runtime_error for a file that is there already.
int export_weights(const commands::Export& options);

/// Measures the loader that the sections dataset, transforms, sampler, collate and loader describe, whose batches are
/// read as bench.read says (none: dropped unread; all: every byte of them).
/// Gives the exit code: kDone, or kSlower than what options.compare names.
int bench(const configs::Node& run, const commands::Bench& options, const ProgramTypes& types);

/// Draws what a run's trainer gets, and says what its data are made of. Gives the exit code: kDone, or kWorkFailed
/// where samples cannot be read and the settings do not say that this is no matter.
int show(const configs::Node& run, const commands::Show& options, const ProgramTypes& types);

/// Makes the data of options.make_data in the folder options.file.config, with bench.yaml, which reads it. Gives the
/// exit code. Throws std::runtime_error where the disk has no room, SyscallError.
int make_data(const commands::Bench& options);

/// Adds the datasets that measure the loader alone (front/commands/synthetic_keys.h).
void add_bench_datasets(configs::DatasetTypes& types);

/// Packs samples into tar shards, or verifies shards, and says what was packed or found. Gives the exit code: kDone;
/// kWorkFailed where samples could not be read or bytes are not what was written; kStopped when it was asked to stop.
int pack(const commands::Pack& options);

/// Says what this machine can do and what limits it: check_host(), and the checks that need a process or a driver.
/// Gives the exit code.
int doctor(const commands::Doctor& options);

}  // namespace millrace::apps
