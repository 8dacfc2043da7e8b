#include "millrace/apps/millrace/bench/report_page.h"

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>

#include "millrace/apps/millrace/bench/metrics.h"
#include "millrace/apps/millrace/bench/spread.h"
#include "millrace/apps/millrace/bench/stage_charts.h"
#include "millrace/plots/line_chart.h"
#include "millrace/plots/page.h"
#include "millrace/sharing/os/new_file.h"

namespace millrace::apps {
namespace {

using plots::LineChart;
using plots::Series;

LineChart rate_chart(const Measurement& measurement) {
  LineChart chart{"Samples a second over time", "seconds since the first batch", "samples/s", {{"rate", {}}}};
  for (const Moment& moment : measurement.moments)
    chart.series.front().points.push_back({moment.at_s, moment.samples_per_s});
  return chart;
}

// The share of calls that are at most so long: a curve that is flat up to the last percent and then steep is a loader
// that stalls now and then.
LineChart latency_chart(const Latencies& next) {
  LineChart chart{
      "How long next() takes", "% of the calls took at most so long", "ms", {{"next()", {}}}, plots::Scale::kLog};
  auto& points = chart.series.front().points;
  uint64_t seen = 0;
  for (const auto& bucket : next.buckets()) {
    const auto share = [&] { return 100 * static_cast<double>(seen) / static_cast<double>(next.count()); };
    points.push_back({share(), 1e3 * bucket.seconds});
    seen += bucket.count;
    points.push_back({share(), 1e3 * bucket.seconds});
  }
  return chart;
}

Series series_of(std::string name, const std::vector<double>& rates) {
  Series series{std::move(name), {}};
  for (size_t i = 0; i < rates.size(); ++i) series.points.push_back({static_cast<double>(i + 1), rates[i]});
  return series;
}

void add_stages(const Report& report, plots::Page& page) {
  const Breakdown& breakdown = breakdown_of(report);
  if (breakdown.facts.stages.workers.empty()) return;
  page.heading(report.feeding ? "What the workers do while steps are done" : "What the workers do");
  page.paragraph("Bottleneck: " + std::string(name_of(breakdown.verdict.what)) + ": " + breakdown.verdict.why);
  for (const std::string& change : breakdown.verdict.changes) page.paragraph("Change: " + change);
  const int64_t workers = breakdown.facts.workers;
  std::vector<std::string> charts{plots::to_svg(stages_chart(breakdown.facts.stages, workers))};
  if (report.traced) charts.push_back(plots::to_svg(time_line_chart(report.traced->spans, workers)));
  page.charts(charts);
}

void add_facts(const std::string& what, const Facts& facts, plots::Page& page) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, value] : facts) rows.push_back({name, value});
  page.table({what, ""}, rows);
}

void add_comparison(const Compared& compared, plots::Page& page) {
  page.heading("Compared");
  page.paragraph(sentence_of(compared.comparison, compared.name));
  page.charts({plots::to_svg({"Windows then and now",
                              "window",
                              "samples/s",
                              {series_of("now", compared.now.rates), series_of("then", compared.then.rates)}})});
  std::vector<std::vector<std::string>> rows;
  for (const auto& difference : compared.comparison.differences)
    rows.push_back({difference.name, difference.then, difference.now});
  if (!rows.empty()) page.table({"not the same", "then", "now"}, rows);
}

}  // namespace

std::string page_of(const Report& report, const std::string& config, const std::optional<Compared>& compared) {
  plots::Page page("How fast batches of " + config + " come");
  if (report.feeding) page.paragraph(sentence_of(*report.feeding));
  page.paragraph(trust_in(report.measurement));
  if (report.peer) page.paragraph(sentence_of(*report.peer, report.measurement));
  page.charts({plots::to_svg(rate_chart(report.measurement)), plots::to_svg(latency_chart(report.measurement.next))});
  add_stages(report, page);
  if (compared) add_comparison(*compared, page);
  page.heading("All numbers");
  std::vector<std::vector<std::string>> rows;
  for (const auto& metric : metrics_of(report.measurement))
    rows.push_back({metric.label, plain_number(metric.value), metric.meaning});
  page.table({"what", "value", "what it means"}, rows);
  page.heading("Where");
  add_facts("machine", report.machine, page);
  add_facts("setting", report.settings, page);
  return page.str();
}

std::string page_of(const std::vector<Setting>& settings, const std::string& config) {
  plots::Page page("Settings for " + config);
  const Choice choice = choose(settings);
  page.paragraph(sentence_of(settings, choice));
  page.code(settings[choice.taken].yaml);
  double most = 0;
  for (const Setting& setting : settings) most = std::max(most, median_of(rates_of(setting.measurement)));
  std::vector<plots::Page::Bar> bars;
  std::vector<Series> series;
  for (const Setting& setting : settings) {
    const auto rates = rates_of(setting.measurement);
    bars.push_back({name_of(setting), median_of(rates) / most, plain_number(median_of(rates)) + " samples/s"});
    series.push_back(series_of(name_of(setting), rates));
  }
  page.heading("Samples a second");
  page.bars(bars);
  page.charts({plots::to_svg({"Windows of each setting", "window", "samples/s", series})});
  return page.str();
}

void write_page(const std::string& page, const std::string& path) {
  NewFile file(path);
  file.write(std::as_bytes(std::span(page)));
  file.commit();
}

}  // namespace millrace::apps
