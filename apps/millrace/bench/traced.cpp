#include "millrace/apps/millrace/bench/traced.h"

#include <cstddef>
#include <utility>

#include "millrace/apps/millrace/clock.h"

namespace millrace::apps {
namespace {

constexpr double kSeconds = 1;
constexpr size_t kMostSpans = 50'000;  // Of a page or a trace that a browser still shows.

}  // namespace

Traced trace_loader(const configs::Node& run, const configs::DatasetTypes& types, Consumer::Step step) {
  Consumer consumer(run, types, Profile::kTrace);
  Traced traced;
  if (step)
    consumer.set_step([&](const Batch& batch) {
      traced.trace.end();
      traced.trace.begin("step", {});
      step(batch);
    });
  const auto start = Clock::now();
  do {
    traced.trace.begin("wait for data", {});
    consumer.take();
    traced.trace.end();
    const StageSpans seen = consumer.take_spans();
    traced.trace.add(seen);
    traced.spans.spans.insert(traced.spans.spans.end(), seen.spans.begin(), seen.spans.end());
    traced.spans.lost += seen.lost;
  } while (seconds_since(start) < kSeconds && traced.spans.spans.size() < kMostSpans);
  return traced;
}

}  // namespace millrace::apps
