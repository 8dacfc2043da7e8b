#pragma once

#include "millrace/apps/millrace/bench/consumer.h"
#include "millrace/apps/millrace/trace.h"
#include "millrace/configs/build.h"
#include "millrace/loader/stage_report.h"

namespace millrace::apps {

/// What a loader and whoever takes its batches did when.
struct Traced {
  StageSpans spans;  ///< Of the workers.
  Trace trace;       ///< The same, with a row of the trainer.
};

/// Traces a loader that begins anew, for a second at most: noting what each worker does when costs it time, which no
/// measurement is to have in it. `step` is done behind each batch, if there is one. Throws as Consumer::take().
Traced trace_loader(const configs::Node& run, const configs::DatasetTypes& types, Consumer::Step step);

}  // namespace millrace::apps
