#include <ATen/Parallel.h>

#include <cstdio>
#include <nlohmann/json.hpp>
#include <string>

#include "millrace/apps/millrace/bench/consumer.h"
#include "millrace/apps/millrace/bench/machine.h"
#include "millrace/apps/millrace/bench/measurement.h"
#include "millrace/apps/millrace/bench/report.h"
#include "millrace/apps/millrace/commands.h"
#include "millrace/apps/millrace/loss_summary.h"

namespace millrace::apps {
namespace {

void tell(const std::string& line) {
  if (!line.empty()) std::fprintf(stderr, "%s\n", line.c_str());
}

Report measured(const configs::Node& run, const commands::Bench& options, const ProgramTypes& types) {
  Consumer consumer(run, types.datasets);
  const Plan plan{options.warmup_s, options.window_s, options.repeats};
  return {facts_of_machine(), facts_of_settings(run),
          options.batches > 0 ? measure_batches(consumer, options.batches) : measure(consumer, plan, tell)};
}

}  // namespace

void bench(const configs::Node& run, const commands::Bench& options, const ProgramTypes& types) {
  // The trainer's own work, reading a batch, is done by one thread, so that it can be compared.
  at::set_num_threads(1);
  const Report report = measured(run, options, types);
  tell(loss_summary("while measuring", report.measurement.stats));
  if (options.file.json)
    std::puts(json_of(report).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
  else
    std::fputs(text_of(report).c_str(), stdout);
}

}  // namespace millrace::apps
