#pragma once

#include "millrace/loader/stage_report.h"
#include "millrace/plots/band_chart.h"

namespace millrace::apps {

/// What the time of the workers went to: a bar for all of them, and one for each where there are several. `workers` is
/// the loader's number of them, 0 where the trainer reads.
plots::BandChart stages_chart(const StageReport& stages, int64_t workers);

/// What each of them did when, a row each: of the last second, or of so much of it as has bands that can be told apart.
plots::BandChart time_line_chart(const StageSpans& spans, int64_t workers);

}  // namespace millrace::apps
