#include <ATen/Parallel.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "millrace/apps/millrace/bench/comparison.h"
#include "millrace/apps/millrace/bench/consumer.h"
#include "millrace/apps/millrace/bench/feeding.h"
#include "millrace/apps/millrace/bench/machine.h"
#include "millrace/apps/millrace/bench/measurement.h"
#include "millrace/apps/millrace/bench/peer_python.h"
#include "millrace/apps/millrace/bench/report.h"
#include "millrace/apps/millrace/bench/report_page.h"
#include "millrace/apps/millrace/bench/saved.h"
#include "millrace/apps/millrace/bench/sweep.h"
#include "millrace/apps/millrace/bench/traced.h"
#include "millrace/apps/millrace/bench/training_steps.h"
#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/front/commands/workloads.h"
#include "millrace/apps/millrace/loss_summary.h"
#include "millrace/configs/build.h"
#include "millrace/sharing/os/new_file.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/training/defaults.h"

namespace millrace::apps {
namespace {

void tell(const std::string& line) {
  if (!line.empty()) std::fprintf(stderr, "%s\n", line.c_str());
}

void print(const nlohmann::json& json) {
  std::puts(json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

Plan plan_of(const commands::Bench& options) { return {options.warmup_s, options.window_s, options.repeats}; }

// The step that is simulated, if one is.
std::optional<Demand> demand_of(const commands::Bench& options) {
  if (const auto* workload = find_workload(options.workload))
    return Demand{std::string(workload->name), workload->step_ms / 1e3, workload->utilisation};
  if (options.step_ms > 0) return Demand{"", options.step_ms / 1e3};
  return std::nullopt;
}

// Nothing is done where no step is simulated.
Consumer::Step step_of(const commands::Bench& options) {
  const auto demand = demand_of(options);
  return demand ? simulated_step(demand->step_s) : Consumer::Step();
}

// Training adds a model to a run that names none; whoever asks for the step of a model is to have chosen it.
void require_model(const configs::Node& run) {
  if (run.find("model")) return;
  throw run.error(
      "--step auto trains the configuration's model, and it names none; add model: resnet18 or another (millrace help "
      "config model), or tell how long a step takes with --step-ms");
}

// A workload's step is one of so many samples.
void require_batch_size(const configs::Node& run, const std::string& name) {
  const auto* workload = find_workload(name);
  if (workload == nullptr) return;
  const auto loader = run.section("loader");
  if (configs::read_loader_options(loader).batch_size() != workload->batch_size)
    throw loader.error("batch_size must be " + std::to_string(workload->batch_size) + " for " + name);
}

// All that training takes for granted is so here too.
configs::Node as_trained(const configs::Node& run) {
  return configs::Node(training::with_defaults(run.value(), processors().usable()));
}

// The loader's part of it. Its workers end here: what is done next has the machine alone.
void measure_into(Report& report, const configs::Node& run, const commands::Bench& options, const ProgramTypes& types) {
  Consumer consumer(run, types.datasets);
  if (options.batches > 0) {
    report.measurement = measure_batches(consumer, options.batches);
    return;
  }
  report.measurement = measure(consumer, plan_of(options), tell);
  if (const auto demand = demand_of(options)) {
    const auto stepped = measure_with_step(consumer, plan_of(options), simulated_step(demand->step_s));
    report.feeding = feeding_of(*demand, {stepped.windows, stepped.breakdown}, report.measurement);
  }
}

Report measured(const configs::Node& said, const commands::Bench& options, const ProgramTypes& types) {
  const bool trains = options.step == commands::kStepOfTheModel;
  if (trains) require_model(said);
  const configs::Node run = trains ? as_trained(said) : said;
  require_batch_size(run, options.workload);
  // What it cannot mirror is told before anything is measured.
  std::optional<nlohmann::json> peer;
  if (!options.peer.empty()) peer = mirrored(run, plan_of(options));
  // Before the loader is measured, so that two do not share the machine.
  std::optional<TrainingSteps> steps;
  if (trains) steps = measure_training_steps(run, types, plan_of(options));
  Report report{facts_of_machine(), facts_of_settings(run), {}, {}, {}, {}};
  measure_into(report, run, options, types);
  if (steps) report.feeding = feeding_of(steps->step, steps->seen, report.measurement);
  if (peer) report.peer = run_peer(*peer, plan_of(options));
  if (!options.html.empty() || !options.trace.empty())
    report.traced = trace_loader(run, types.datasets, step_of(options));
  return report;
}

// What cannot be written is told before there is something to lose: each file is made, and goes again.
void require_writable(const commands::Bench& options) {
  for (const std::string& path : {options.save, options.html, options.trace})
    if (!path.empty()) const NewFile tried(path);
}

int bench_one(const configs::Node& run, const commands::Bench& options, const ProgramTypes& types) {
  std::optional<Compared> compared;
  if (!options.compare.empty()) compared = Compared{options.compare, read_saved(options.compare), {}, {}};
  Report report = measured(run, options, types);
  tell(loss_summary("while measuring", report.measurement.stats));
  auto json = json_of(report);
  if (!options.save.empty()) save(json, options.save);
  if (compared) {
    compared->now = saved_of(json);
    compared->comparison = compare(compared->now, compared->then);
    json["compared"] = json_of(compared->comparison, compared->name);
  }
  if (!options.html.empty()) write_page(page_of(report, options.file.config, compared), options.html);
  if (!options.trace.empty()) report.traced->trace.write(options.trace);
  if (options.file.json) {
    print(json);
  } else {
    std::fputs(text_of(report).c_str(), stdout);
    if (compared)
      std::fputs(("\n" + text_of(compared->comparison, compared->now, compared->then, compared->name)).c_str(), stdout);
  }
  return compared && compared->comparison.outcome == Comparison::Outcome::kGotSlower ? kSlower : kDone;
}

int bench_all(const commands::Bench& options, const ProgramTypes& types) {
  const auto settings = measure_sweep(options, types, plan_of(options), tell);
  const auto json = json_of(settings);
  if (!options.save.empty()) save(json, options.save);
  if (!options.html.empty()) write_page(page_of(settings, options.file.config), options.html);
  if (options.file.json)
    print(json);
  else
    std::fputs(text_of(settings).c_str(), stdout);
  return kDone;
}

}  // namespace

int bench(const configs::Node& run, const commands::Bench& options, const ProgramTypes& types) {
  // The trainer's own work, reading a batch, is done by one thread, so that it can be compared.
  at::set_num_threads(1);
  require_writable(options);
  return options.sweep.empty() ? bench_one(run, options, types) : bench_all(options, types);
}

}  // namespace millrace::apps
