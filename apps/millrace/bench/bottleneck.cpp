#include "millrace/apps/millrace/bench/bottleneck.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <optional>
#include <utility>

#include "millrace/sharing/os/counted.h"

namespace millrace::apps {
namespace {

// Shares from which on something counts. Machines are noisy, so they are far from where a verdict would be in doubt.
constexpr double kWaitsLittle = 0.10;     // Of the trainer's time.
constexpr double kIsBusy = 0.50;          // Of the workers' time.
constexpr double kIsSlow = 8;             // Times the median sample.
constexpr double kAreFew = 0.02;          // Of the samples.
constexpr double kTakeMost = 0.30;        // Of the workers' time.
constexpr double kLacksProcessor = 0.30;  // Of the workers' time.
constexpr double kBlocks = 0.50;          // Of a stage's time, on a processor: less is waiting.

std::string share_text(double share) {
  return std::to_string(static_cast<int>(std::lround(100 * std::clamp(share, 0.0, 1.0)))) + " %";
}

std::string time_text(double seconds) {
  struct Unit {
    double seconds;
    const char* name;
  };
  constexpr std::array<Unit, 4> kUnits = {Unit{1, "s"}, Unit{1e-3, "ms"}, Unit{1e-6, "us"}, Unit{1e-9, "ns"}};
  const auto* const unit =
      std::find_if(kUnits.begin(), kUnits.end() - 1, [&](const Unit& each) { return seconds >= each.seconds; });
  char text[32];
  std::snprintf(text, sizeof text, "%.3g %s", seconds / unit->seconds, unit->name);
  return text;
}

std::string number_of_workers(int64_t workers) { return "loader.num_workers: " + std::to_string(workers); }

// --- what is looked for, in the order in which it is ---

std::optional<BottleneckVerdict> fast_enough(const LoaderFacts& facts) {
  if (facts.waited() >= kWaitsLittle) return std::nullopt;
  BottleneckVerdict verdict{Bottleneck::kConsumer,
                            "the trainer waited for data in " + share_text(facts.waited()) +
                                " of the time: whoever takes the batches is slower than the loader",
                            {"the loader is fast enough; make the training step faster"}};
  // So many keep up, with a third to spare.
  const auto enough = static_cast<int64_t>(std::ceil(1.33 * facts.stages.busy_s() / facts.seconds));
  if (facts.workers > 1 && enough < facts.workers)
    verdict.changes.push_back(number_of_workers(std::max<int64_t>(enough, 1)) +
                              " would keep up as well: the workers are busy in " + share_text(facts.busy()) +
                              " of their time");
  return verdict;
}

std::optional<BottleneckVerdict> slow_samples(const LoaderFacts& facts) {
  const SampleTimes times = facts.stages.sample_times();
  const double median_ns = times.median_ns();
  const uint64_t samples = times.samples();
  const auto slow = times.slowest(static_cast<uint64_t>(kAreFew * static_cast<double>(samples)), kIsSlow * median_ns);
  if (slow.samples == 0) return std::nullopt;
  // A worker that has no processor for a while looks like a slow sample.
  const double slow_s = 1e-9 * static_cast<double>(slow.ns) - facts.run_queue_s;
  if (slow_s < kTakeMost * facts.stages.busy_s()) return std::nullopt;
  const SlowestSample& slowest = facts.stages.slowest;
  std::string where;
  if (slowest.samples == 1)
    where = "; the slowest is " + std::to_string(slowest.index) + " with " +
            time_text(1e-9 * static_cast<double>(slowest.ns));
  else if (slowest.index >= 0)
    where = "; the slowest is one of the " + std::to_string(slowest.samples) + " read from " +
            std::to_string(slowest.index) + " on, with " + time_text(1e-9 * static_cast<double>(slowest.ns));
  return BottleneckVerdict{Bottleneck::kSlowSamples,
                           std::to_string(slow.samples) + " of " + std::to_string(samples) + " samples take " +
                               share_text(slow_s / facts.stages.busy_s()) +
                               " of the workers' time, where half of all take less than " +
                               time_text(2e-9 * median_ns) + where,
                           {"look at these samples: make them smaller, or leave them out",
                            "loader.prefetch: " + std::to_string(std::max<int64_t>(2 * facts.prefetch, 4)) +
                                ", so that other batches are there while a slow one is read",
                            "loader.in_order: false, if the order of batches is no matter"}};
}

std::optional<BottleneckVerdict> no_workers(const LoaderFacts& facts) {
  if (facts.workers > 0 || facts.processors < 2) return std::nullopt;
  return BottleneckVerdict{Bottleneck::kNoWorkers,
                           "the trainer reads its samples itself, inside next(), and waited for them in " +
                               share_text(facts.waited()) + " of the time, while " +
                               counted(facts.processors, "processor") + " may be used",
                           {number_of_workers(facts.processors)}};
}

std::optional<BottleneckVerdict> idle_workers(const LoaderFacts& facts) {
  if (facts.workers == 0 || facts.busy() >= kIsBusy) return std::nullopt;
  BottleneckVerdict verdict{Bottleneck::kPrefetch,
                            "the trainer waited for data in " + share_text(facts.waited()) +
                                " of the time, and the workers for something to read in " +
                                share_text(1 - facts.busy()) + " of theirs",
                            {}};
  if (facts.streams > 0 && facts.streams < facts.workers)
    verdict.changes.push_back("loader.num_streams: " + std::to_string(2 * facts.workers) + ": " +
                              counted(facts.streams, "stream") + " can be read by so many workers only");
  verdict.changes.push_back("loader.prefetch: " + std::to_string(std::max<int64_t>(2 * facts.prefetch, 4)) +
                            ", so that workers have batches to read while others are taken");
  verdict.changes.push_back("loader.batch_size: a larger one, if batches are taken within microseconds");
  return verdict;
}

std::optional<BottleneckVerdict> no_processor(const LoaderFacts& facts) {
  const double lacking = facts.stages.busy_s() > 0 ? facts.run_queue_s / facts.stages.busy_s() : 0;
  if (facts.workers == 0 || lacking < kLacksProcessor) return std::nullopt;
  BottleneckVerdict verdict{Bottleneck::kProcessors,
                            "the workers had work and no processor in " + share_text(lacking) +
                                " of the time that they were busy; " + counted(facts.processors, "processor") +
                                " may be used",
                            {}};
  if (facts.workers > facts.processors)
    verdict.changes.push_back(number_of_workers(facts.processors) + ": " + counted(facts.workers, "worker") +
                              " take turns on " + counted(facts.processors, "processor"));
  verdict.changes.push_back("end what else runs on this machine, or give the job more processors");
  return verdict;
}

struct Largest {
  Stage stage = Stage::kGet;
  StageTime time;
  double share = 0;

  std::string text() const {
    return std::string(name_of(stage)) + " takes " + share_text(share) + " of the workers' time";
  }
  bool blocks() const { return time.cpu_s < kBlocks * time.wall_s; }
};

Largest largest_of(const StageReport& report) {
  Largest largest;
  for (size_t s = 0; s < kStages; ++s) {
    const auto stage = static_cast<Stage>(s);
    const StageTime time = report[stage];
    if (stage != Stage::kWait && time.wall_s > largest.time.wall_s)
      largest = {stage, time, time.wall_s / report.busy_s()};
  }
  return largest;
}

// Workers that wait for a disk need no processor each.
std::string more_workers_for_waiting(const LoaderFacts& facts) {
  return number_of_workers(2 * std::max<int64_t>(facts.workers, 1)) +
         ": who waits for a disk or a network needs no processor";
}

std::optional<BottleneckVerdict> blocked(const LoaderFacts& facts, const Largest& largest) {
  if (!largest.blocks() || (largest.stage != Stage::kRead && largest.stage != Stage::kGet)) return std::nullopt;
  const std::string why = largest.text() + ", and had a processor in " +
                          share_text(largest.time.cpu_s / largest.time.wall_s) + " of it: the rest is waiting";
  if (largest.stage == Stage::kGet)
    return BottleneckVerdict{Bottleneck::kBlockedGet,
                             why + " in the dataset's own code, for a disk, a network or a lock",
                             {more_workers_for_waiting(facts),
                              "mark what reads with StageScope(Stage::kRead), to see what it is that waits"}};
  return BottleneckVerdict{
      Bottleneck::kStorage,
      why + " for storage",
      {"tar shards in the place of many small files (docs/tar_shards.md): one file is opened for thousands of samples",
       more_workers_for_waiting(facts), "copy the data to a local disk before training"}};
}

std::optional<BottleneckVerdict> too_few_workers(const LoaderFacts& facts, const Largest& largest) {
  if (std::max<int64_t>(facts.workers, 1) >= facts.processors) return std::nullopt;
  return BottleneckVerdict{Bottleneck::kTooFewWorkers,
                           counted(facts.workers, "worker") + (facts.workers == 1 ? " is" : " are") + " busy in " +
                               share_text(facts.busy()) + " of the time, and " +
                               counted(facts.processors, "processor") + " may be used; " + largest.text(),
                           {number_of_workers(facts.processors)}};
}

struct Cure {
  Stage stage;
  Bottleneck bottleneck;
  std::vector<std::string> changes;
};

const std::vector<Cure>& cures() {
  static const std::vector<Cure> all = {
      {Stage::kRead,
       Bottleneck::kRead,
       {"tar shards in the place of many small files (docs/tar_shards.md): one file is opened for thousands of "
        "samples"}},
      {Stage::kDecode,
       Bottleneck::kDecode,
       {"store smaller pictures: what is decoded is mostly thrown away where pictures are cropped to a few hundred "
        "pixels",
        "JPEG in the place of PNG, WebP or TIFF, whose decoding takes several times as long"}},
      {Stage::kTransform,
       Bottleneck::kTransform,
       {"fewer or cheaper transforms: color_jitter, gaussian_blur and random_affine cost most",
        "leave normalize to the device (docs/transforms.md)"}},
      {Stage::kGet,
       Bottleneck::kGet,
       {"mark its parts with StageScope (loader/stages.h), or look at a worker with perf, to see what in it is slow"}},
      {Stage::kCollate,
       Bottleneck::kCollate,
       {"samples of fixed shapes, which workers write in place, in the place of a collate function"}},
      {Stage::kHandOver,
       Bottleneck::kHandOver,
       {"loader.batch_size: a larger one: samples are so short that handing them over takes most of the time",
        "fewer workers, which get in each other's way"}},
  };
  return all;
}

}  // namespace

double LoaderFacts::waited() const { return seconds > 0 ? std::min(waited_s / seconds, 1.0) : 0; }

double LoaderFacts::busy() const {
  const double all = stages.busy_s() + stages.wait_s();
  return all > 0 ? stages.busy_s() / all : 0;
}

std::string_view name_of(Bottleneck bottleneck) {
  switch (bottleneck) {
    case Bottleneck::kConsumer:
      return "slow_consumer";
    case Bottleneck::kSlowSamples:
      return "slow_samples";
    case Bottleneck::kNoWorkers:
      return "no_workers";
    case Bottleneck::kPrefetch:
      return "prefetch";
    case Bottleneck::kProcessors:
      return "no_processor";
    case Bottleneck::kStorage:
      return "slow_storage";
    case Bottleneck::kTooFewWorkers:
      return "too_few_workers";
    case Bottleneck::kRead:
      return "slow_read";
    case Bottleneck::kDecode:
      return "slow_decode";
    case Bottleneck::kTransform:
      return "slow_transform";
    case Bottleneck::kGet:
      return "slow_dataset";
    case Bottleneck::kBlockedGet:
      return "waiting_dataset";
    case Bottleneck::kCollate:
      return "slow_collate";
    case Bottleneck::kHandOver:
      return "hand_over";
    case Bottleneck::kUnknown:
      break;
  }
  return "unknown";
}

BottleneckVerdict verdict_of(const LoaderFacts& facts) {
  if (facts.seconds <= 0) return {Bottleneck::kUnknown, "nothing was measured", {}};
  if (auto verdict = fast_enough(facts)) return *std::move(verdict);
  if (facts.stages.busy_s() <= 0)
    return {Bottleneck::kUnknown,
            "the trainer waited for data in " + share_text(facts.waited()) + " of the time, and no worker was measured",
            {}};
  if (auto verdict = slow_samples(facts)) return *std::move(verdict);
  if (auto verdict = no_workers(facts)) return *std::move(verdict);
  if (auto verdict = idle_workers(facts)) return *std::move(verdict);
  if (auto verdict = no_processor(facts)) return *std::move(verdict);
  const Largest largest = largest_of(facts.stages);
  if (auto verdict = blocked(facts, largest)) return *std::move(verdict);
  if (auto verdict = too_few_workers(facts, largest)) return *std::move(verdict);
  const auto cure = std::ranges::find(cures(), largest.stage, &Cure::stage);
  return {cure->bottleneck, largest.text() + "; the workers are busy in " + share_text(facts.busy()) + " of theirs",
          cure->changes};
}

}  // namespace millrace::apps
