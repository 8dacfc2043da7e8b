#pragma once

#include "millrace/apps/millrace/front/command_line.h"
#include "millrace/configs/build.h"
#include "millrace/configs/node.h"

/// The commands of `millrace-run`. Each takes the run's configuration, writes results to stdout and progress to stderr,
/// and throws when it fails: configs::ConfigError when the configuration is to blame, anything else when the work is.
namespace millrace::apps {

/// Trains an image classifier. Keys: dataset, transforms, sampler and loader; test, with its own dataset, transforms
/// and loader; model; optimizer; epochs; seed; device and amp. configs/photos.yaml explains each.
void train(const configs::Node& run, const TrainOptions& options);

/// Measures a loader. Keys: dataset, transforms, sampler, loader and bench.read (none: batches are dropped unread; all:
/// every byte of them is read). With options.batches it takes that many batches and measures nothing, for tools that
/// look at the process from outside.
void bench(const configs::Node& run, const BenchOptions& options);

/// The datasets of configurations, and those that bench adds to measure the loader alone: filled and rows.
configs::DatasetTypes bench_datasets();

/// Says what this machine can do and what limits it: check_host(), and the checks that need a process or a driver.
/// Gives the exit code.
int doctor(const DoctorOptions& options);

}  // namespace millrace::apps
