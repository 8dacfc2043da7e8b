#include "millrace/apps/millrace/trace.h"

#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <utility>

#include "millrace/sharing/os/new_file.h"

namespace millrace::apps {

void Trace::begin(std::string name, Row row) {
  if (device_clock_) pending_.push_back({row, name, device_clock_->mark(row.stream)});
  spans_.push_back({"trainer", std::move(name), Clock::now(), {}, -1});
}

void Trace::end() {
  spans_.back().end = Clock::now();
  if (device_clock_) pending_.back().end = device_clock_->mark(pending_.back().row.stream);
}

void Trace::add(const StageSpans& spans) {
  lost_ += spans.lost;
  const auto time_of = [](uint64_t ns) { return Clock::time_point(std::chrono::nanoseconds(ns)); };
  for (const StageSpan& span : spans.spans) {
    if (time_of(span.start_ns) < origin_) continue;
    spans_.push_back({"worker " + std::to_string(span.worker), std::string(name_of(span.stage)), time_of(span.start_ns),
                      time_of(span.end_ns), span.sample});
  }
}

void Trace::settle() {
  std::vector<Span> on_device;
  for (const auto& span : std::exchange(pending_, {}))
    on_device.push_back(
        {span.row.name, span.name, device_clock_->time_of(span.start), device_clock_->time_of(span.end), -1});
  spans_.insert(spans_.end(), on_device.begin(), on_device.end());
  if (device_clock_) device_clock_->clear();
}

void Trace::write(const std::string& path) {
  settle();
  const auto us = [](Clock::duration time) { return std::chrono::duration<double, std::micro>(time).count(); };
  auto events = nlohmann::json::array();
  std::map<std::string, int> rows;
  for (const auto& span : spans_) {
    const auto [row, is_new] = rows.emplace(span.row, static_cast<int>(rows.size()));
    if (is_new)
      events.push_back(
          {{"name", "thread_name"}, {"ph", "M"}, {"pid", 0}, {"tid", row->second}, {"args", {{"name", span.row}}}});
    nlohmann::json event{{"name", span.name},
                         {"ph", "X"},
                         {"pid", 0},
                         {"tid", row->second},
                         {"ts", us(span.start - origin_)},
                         {"dur", us(span.end - span.start)}};
    if (span.sample >= 0) event["args"]["sample"] = span.sample;
    events.push_back(std::move(event));
  }
  const nlohmann::json trace{
      {"displayTimeUnit", "ms"}, {"traceEvents", std::move(events)}, {"otherData", {{"spans_of_workers_lost", lost_}}}};
  const std::string text = trace.dump(1);
  NewFile file(path);
  file.write(std::as_bytes(std::span(text)));
  file.commit();
}

}  // namespace millrace::apps
