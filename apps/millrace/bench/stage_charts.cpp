#include "millrace/apps/millrace/bench/stage_charts.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "millrace/apps/millrace/bench/metrics.h"

namespace millrace::apps {
namespace {

// What a row is called; without workers the trainer reads.
std::string name_of_row(int64_t worker, int64_t workers) {
  return workers == 0 ? "trainer" : "worker " + std::to_string(worker);
}

std::vector<std::string> names_of_stages() {
  std::vector<std::string> names;
  for (const Stage stage : kAllStages) names.emplace_back(name_of(stage));
  return names;
}

// Shares of the time, in percent, behind each other. `Stages`: of one worker, or of all.
template <class Stages>
plots::BandRow shares_of(const Stages& stages, std::string name) {
  plots::BandRow row{std::move(name), {}};
  const double all_s = stages.busy_s() + stages.wait_s();
  double end = 0;
  for (const Stage stage : kAllStages) {
    const double begin = end;
    end += all_s > 0 ? 100 * stages[stage].wall_s / all_s : 0;
    row.bands.push_back({begin, end, static_cast<size_t>(stage)});
  }
  return row;
}

struct Stretch {
  uint64_t begin_ns = 0;
  uint64_t end_ns = 0;
};

Stretch stretch_of(const std::vector<std::vector<StageSpan>>& of_workers) {
  constexpr uint64_t kLongestNs = 1'000'000'000;
  constexpr size_t kMostSpans = 240;  // Of a row, which has some 400 pixels.
  Stretch stretch{UINT64_MAX, 0};
  for (const auto& spans : of_workers) {
    if (spans.empty()) continue;
    stretch.begin_ns = std::min(stretch.begin_ns, spans.front().start_ns);
    stretch.end_ns = std::max(stretch.end_ns, spans.back().end_ns);
  }
  stretch.begin_ns = std::max(stretch.begin_ns, stretch.end_ns - std::min(stretch.end_ns, kLongestNs));
  for (const auto& spans : of_workers)
    if (spans.size() > kMostSpans)
      stretch.begin_ns = std::max(stretch.begin_ns, spans[spans.size() - kMostSpans].start_ns);
  return stretch;
}

}  // namespace

plots::BandChart stages_chart(const StageReport& stages, int64_t workers) {
  plots::BandChart chart{"Where the workers' time goes", "% of their time", 100, names_of_stages(), {}};
  if (stages.workers.size() > 1) chart.rows.push_back(shares_of(stages, "all"));
  for (const WorkerStages& worker : stages.workers)
    chart.rows.push_back(shares_of(worker, name_of_row(worker.worker, workers)));
  return chart;
}

plots::BandChart time_line_chart(const StageSpans& spans, int64_t workers) {
  std::vector<std::vector<StageSpan>> of_workers(static_cast<size_t>(std::max<int64_t>(workers, 1)));
  for (const StageSpan& span : spans.spans) of_workers.at(static_cast<size_t>(span.worker)).push_back(span);
  const Stretch stretch = stretch_of(of_workers);
  const auto ms = [&](uint64_t ns) {
    return ns < stretch.begin_ns ? 0 : 1e-6 * static_cast<double>(ns - stretch.begin_ns);
  };
  plots::BandChart chart{"What each worker does", "ms", std::max(ms(stretch.end_ns), 1e-3), names_of_stages(), {}};
  for (size_t w = 0; w < of_workers.size(); ++w) {
    plots::BandRow row{name_of_row(static_cast<int64_t>(w), workers), {}};
    for (const StageSpan& span : of_workers[w])
      if (span.end_ns > stretch.begin_ns)
        row.bands.push_back({ms(span.start_ns), ms(span.end_ns), static_cast<size_t>(span.stage)});
    chart.rows.push_back(std::move(row));
  }
  return chart;
}

}  // namespace millrace::apps
