#include "millrace/apps/millrace/bench/breakdown.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "millrace/apps/millrace/process_stats.h"
#include "millrace/sharing/os/processors.h"

namespace millrace::apps {
namespace {

double a_sample(double value, uint64_t count) { return count == 0 ? 0 : value / static_cast<double>(count); }

// A line of the table: us of all workers a sample, on a processor, the share of their time, calls and bytes a sample.
std::string stage_line(const std::string& name, const StageTime& time, double all_s, uint64_t samples) {
  char line[160];
  std::snprintf(line, sizeof line, "%-12s %12.3f %12.3f %7.1f %% %10.3g %12.0f\n", name.c_str(),
                1e6 * a_sample(time.wall_s, samples), 1e6 * a_sample(time.cpu_s, samples),
                all_s > 0 ? 100 * time.wall_s / all_s : 0, a_sample(static_cast<double>(time.calls), samples),
                a_sample(static_cast<double>(time.bytes), samples));
  return line;
}

// Clock reads a sample, their price, and what that is of the workers' time.
std::string cost_text(const StageReport& stages) {
  const MeasuringCost& cost = stages.cost;
  char text[200];
  std::snprintf(text, sizeof text,
                "measured by %.3g looks a sample at the clock, of %.0f ns, and %.3g at the processor's, of %.0f ns: "
                "%.2f %% of the "
                "workers' time\n",
                a_sample(static_cast<double>(cost.clock_reads), stages.samples()), cost.ns_per_clock_read,
                a_sample(static_cast<double>(cost.cpu_clock_reads), stages.samples()), cost.ns_per_cpu_clock_read,
                stages.busy_s() > 0 ? 100 * cost.seconds() / stages.busy_s() : 0);
  return text;
}

}  // namespace

LoaderWatch::LoaderWatch(const DataLoader& loader, int64_t streams)
    : loader_(loader),
      streams_(streams),
      stages_(loader.stages()),
      wait_s_(loader.stats().wait_seconds),
      run_queue_s_(run_queue_seconds(loader.worker_pids())) {}

Breakdown LoaderWatch::breakdown() const {
  const DataLoaderOptions& options = loader_.options();
  LoaderFacts facts{.seconds = seconds_since(start_),
                    .waited_s = loader_.stats().wait_seconds - wait_s_,
                    .workers = options.num_workers(),
                    .streams = streams_,
                    .prefetch = options.prefetch(),
                    .processors = processors().usable(),
                    .run_queue_s = std::max(run_queue_seconds(loader_.worker_pids()) - run_queue_s_, 0.0),
                    .stages = loader_.stages().since(stages_)};
  auto verdict = verdict_of(facts);
  return {std::move(facts), std::move(verdict)};
}

std::string text_of(const Breakdown& breakdown) {
  const StageReport& stages = breakdown.facts.stages;
  if (stages.workers.empty()) return "";
  const double all_s = stages.busy_s() + stages.wait_s();
  char head[128];
  std::snprintf(head, sizeof head, "%-12s %12s %12s %9s %10s %12s\n", "workers", "us a sample", "CPU us", "of time",
                "calls", "bytes");
  std::string text = std::string("\n") + head;
  for (const Stage stage : kAllStages)
    text += stage_line(std::string(name_of(stage)), stages[stage], all_s, stages.samples());
  text += cost_text(stages);
  text += "\nbottleneck: " + std::string(name_of(breakdown.verdict.what)) + ": " + breakdown.verdict.why + "\n";
  for (const std::string& change : breakdown.verdict.changes) text += "  change: " + change + "\n";
  return text;
}

nlohmann::json json_of(const Breakdown& breakdown) {
  const LoaderFacts& facts = breakdown.facts;
  const StageReport& stages = facts.stages;
  auto of_stages = nlohmann::json::object();
  for (const Stage stage : kAllStages) {
    const StageTime time = stages[stage];
    of_stages[std::string(name_of(stage))] = {
        {"wall_s", time.wall_s}, {"cpu_s", time.cpu_s}, {"calls", time.calls}, {"bytes", time.bytes}};
  }
  auto workers = nlohmann::json::array();
  for (const WorkerStages& worker : stages.workers)
    workers.push_back({{"worker", worker.worker},
                       {"samples", worker.samples},
                       {"busy_s", worker.busy_s()},
                       {"wait_s", worker.wait_s()},
                       {"cpu_s", worker.cpu_s()}});
  return {{"stages", std::move(of_stages)},
          {"workers", std::move(workers)},
          {"samples", stages.samples()},
          {"seconds", facts.seconds},
          {"wait_for_data_s", facts.waited_s},
          {"wait_for_processor_s", facts.run_queue_s},
          {"slowest_sample",
           {{"index", stages.slowest.index},
            {"samples", stages.slowest.samples},
            {"seconds", 1e-9 * static_cast<double>(stages.slowest.ns)}}},
          {"measuring",
           {{"clock_reads", stages.cost.clock_reads},
            {"ns_per_clock_read", stages.cost.ns_per_clock_read},
            {"cpu_clock_reads", stages.cost.cpu_clock_reads},
            {"ns_per_cpu_clock_read", stages.cost.ns_per_cpu_clock_read}}},
          {"bottleneck",
           {{"name", name_of(breakdown.verdict.what)},
            {"why", breakdown.verdict.why},
            {"change", breakdown.verdict.changes}}}};
}

}  // namespace millrace::apps
