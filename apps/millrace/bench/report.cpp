#include "millrace/apps/millrace/bench/report.h"

#include <torch/headeronly/version.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "millrace/apps/millrace/bench/metrics.h"
#include "millrace/apps/millrace/bench/spread.h"

namespace millrace::apps {
namespace {

nlohmann::json spread_json(const Spread& spread) {
  return {{"median", spread.median}, {"mad", spread.mad}, {"min", spread.least}, {"max", spread.most}};
}

nlohmann::json buckets_json(const Latencies& latencies) {
  auto buckets = nlohmann::json::array();
  for (const auto& bucket : latencies.buckets()) buckets.push_back({1e6 * bucket.seconds, bucket.count});
  return buckets;
}

// What is exact: counted, not timed.
nlohmann::json counts_of(const Measurement& measurement) {
  const auto& counts = measurement.counts;
  return {{"batches", counts.batches},
          {"samples", counts.samples},
          {"bytes", counts.bytes},
          {"epochs", counts.epochs},
          {"workers", measurement.workers},
          {"worker_deaths", measurement.stats.worker_deaths},
          {"skipped_samples", measurement.stats.skipped_samples},
          {"bytes_per_batch", static_cast<double>(counts.bytes) / static_cast<double>(counts.batches)},
          {"checksum", measurement.checksum}};
}

}  // namespace

const Breakdown& breakdown_of(const Report& report) {
  return report.feeding ? report.feeding->breakdown : report.measurement.breakdown;
}

std::string text_of(const Report& report) {
  std::string text;
  for (const auto& metric : metrics_of(report.measurement))
    text += table_line(metric.label, plain_number(metric.value), metric.meaning);
  text += trust_in(report.measurement) + "\n";
  if (report.feeding) text += "\n" + text_of(*report.feeding) + "\nWhile these steps were done:\n";
  text += text_of(breakdown_of(report));
  if (report.peer) text += "\n" + sentence_of(*report.peer, report.measurement) + "\n";
  return text;
}

nlohmann::json json_of(const Report& report) {
  const Measurement& measurement = report.measurement;
  auto metrics = nlohmann::json::object();
  for (const auto& metric : metrics_of(measurement)) metrics[metric.name] = metric.value;
  const auto rates = rates_of(measurement);
  nlohmann::json json{{"versions", std::string("LibTorch ") + TORCH_VERSION},
                      {"machine", report.machine},
                      {"settings", report.settings},
                      {"metrics", metrics},
                      {"samples_per_s_of_windows", rates},
                      {"next_us", buckets_json(measurement.next)},
                      {"warm_up",
                       {{"seconds", measurement.warm_up.seconds},
                        {"batches", measurement.warm_up.batches},
                        {"steady", measurement.warm_up.is_steady}}},
                      {"trust", trust_in(measurement)},
                      {"check", counts_of(measurement)}};
  json["breakdown"] = json_of(breakdown_of(report));
  if (report.feeding) json["step"] = json_of(*report.feeding);
  if (report.peer) json["peer"] = json_of(*report.peer, measurement);
  if (!rates.empty()) json["spread"] = spread_json(spread_of(rates));
  return json;
}

}  // namespace millrace::apps
