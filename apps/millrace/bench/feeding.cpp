#include "millrace/apps/millrace/bench/feeding.h"

#include <chrono>
#include <cmath>
#include <nlohmann/json.hpp>
#include <thread>
#include <utility>

#include "millrace/apps/millrace/bench/metrics.h"
#include "millrace/apps/millrace/bench/spread.h"
#include "millrace/apps/millrace/clock.h"

namespace millrace::apps {
namespace {

constexpr double kMilliseconds = 1e3;

// What a step of the accelerator takes of samples a second.
double samples_per_s_of(const Feeding& feeding) { return feeding.batch_size / feeding.demand.step_s; }

}  // namespace

Consumer::Step simulated_step(double seconds) {
  return [seconds](const Batch&) {
    std::this_thread::sleep_until(Clock::now() +
                                  std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)));
  };
}

Feeding feeding_of(const Demand& demand, Stepped stepped, const Measurement& alone) {
  Feeding feeding;
  feeding.demand = demand;
  std::vector<double> utilisations;
  double batches = 0, samples = 0, waited = 0, seconds = 0;
  for (const Window& window : stepped.windows) {
    utilisations.push_back(window.step_s / window.seconds);
    batches += static_cast<double>(window.batches);
    samples += static_cast<double>(window.samples);
    waited += window.wait_s;
    seconds += window.seconds;
  }
  feeding.batch_size = samples / batches;
  feeding.samples_per_s = median_of(rates_of(alone));
  feeding.utilisation = median_of(utilisations);
  feeding.wait_share = waited / seconds;
  if (!demand.takes_processors)
    feeding.accelerators =
        static_cast<int64_t>(std::floor(feeding.samples_per_s / (demand.utilisation * samples_per_s_of(feeding))));
  feeding.is_enough = feeding.utilisation >= demand.utilisation;
  feeding.breakdown = std::move(stepped.breakdown);
  return feeding;
}

std::string sentence_of(const Feeding& feeding) {
  const std::string busy = "the accelerator is at work for " + percent(feeding.utilisation) +
                           " of the time, and is to be for " + percent(feeding.demand.utilisation);
  if (feeding.is_enough) return "Fast enough: " + busy + ".";
  if (feeding.demand.takes_processors)
    return "Not fast enough: " + busy + "; workers and steps take turns on the processors.";
  return "Not fast enough: " + busy + "; the loader would have to give " +
         plain_number(feeding.demand.utilisation * samples_per_s_of(feeding)) + " samples/s and gives " +
         plain_number(feeding.samples_per_s) + ".";
}

std::string text_of(const Feeding& feeding) {
  std::string text;
  text +=
      table_line("accelerator utilisation (AU)", plain_number(feeding.utilisation),
                 "share of the time in steps of " + plain_number(kMilliseconds * feeding.demand.step_s) + " ms of " +
                     plain_number(feeding.batch_size) + (feeding.batch_size == 1 ? " sample" : " samples") +
                     (feeding.demand.name.empty() ? "" : ", " + feeding.demand.name));
  text +=
      table_line("waited for data", plain_number(feeding.wait_share), "share of the time in next() without a batch");
  if (feeding.accelerators)
    text += table_line("accelerators that this host feeds", std::to_string(*feeding.accelerators),
                       "each takes " + plain_number(samples_per_s_of(feeding)) + " samples/s, at an AU of " +
                           plain_number(feeding.demand.utilisation) + " or more");
  return text + sentence_of(feeding) + "\n";
}

nlohmann::json json_of(const Feeding& feeding) {
  nlohmann::json json{{"workload", feeding.demand.name},  {"step_ms", kMilliseconds * feeding.demand.step_s},
                      {"au", feeding.utilisation},        {"au_wanted", feeding.demand.utilisation},
                      {"wait_share", feeding.wait_share}, {"batch_size", feeding.batch_size},
                      {"enough", feeding.is_enough},      {"text", sentence_of(feeding)}};
  if (feeding.accelerators) json["accelerators"] = *feeding.accelerators;
  return json;
}

}  // namespace millrace::apps
