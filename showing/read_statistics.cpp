#include "millrace/showing/read_statistics.h"

#include <algorithm>
#include <cstddef>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "millrace/loader/data_loader.h"
#include "millrace/loader/errors.h"
#include "millrace/showing/tally.h"
#include "millrace/training/data.h"
#include "millrace/training/read_alone.h"

namespace millrace::showing {
namespace {

constexpr int64_t kSomeSamples = training::kMostListed;
constexpr int kSide = 64;  // Of the overviews, of which only masks are looked at.

// Those that are read of so many samples, in ascending order.
std::vector<int64_t> chosen(int64_t samples, Extent extent) {
  const int64_t count = extent == Extent::kAll ? samples : std::min(samples, kSomeSamples);
  std::vector<int64_t> indices;
  for (int64_t i = 0; i < count; ++i)
    indices.push_back(
        static_cast<int64_t>(static_cast<double>(i) * static_cast<double>(samples) / static_cast<double>(count)));
  return indices;
}

// Reads a source, and remembers what came.
class Reading {
 public:
  Reading(const RunData& source, Extent extent, const StatisticsWatchers& watchers)
      : source_(source),
        extent_(extent),
        watchers_(watchers),
        has_overviews_(has_transforms(source)),
        types_(has_overviews_ ? overview_types(source) : *source.types) {}

  Statistics read() {
    training::Split split = open({});
    made_.samples = split.samples;
    made_.class_names = split.classes;
    describe_ = split.describe;
    if (!split.has_indices) {
      read_stream(split);
    } else {
      asked_ = chosen(split.samples.value_or(0), extent_);
      made_.asked = std::ssize(asked_);
      const bool reads_all = made_.asked == split.samples;
      if (!reads_all) split = open({training::in_order_of(asked_)});
      read_epoch(*split.loader);
      read_missing();
    }
    tally_.put_into(made_, describe_);
    return std::move(made_);
  }

 private:
  training::LoadingOptions loading() const { return {c10::kCPU, source_.seed, /*shuffle=*/false, &types_}; }

  configs::Node pipeline(std::vector<std::string> settings) const {
    settings.emplace_back("loader.batch_size=32");
    return has_overviews_ ? overview_pipeline(source_, kSide, settings) : plain_pipeline(source_, settings);
  }

  training::Split open(std::vector<std::string> settings) const {
    return training::open_split(pipeline(std::move(settings)), loading());
  }

  bool goes_on() {
    if (!watchers_.go_on || watchers_.go_on()) return true;
    made_.is_stopped = true;
    return false;
  }

  void add(const Batch& batch) {
    tally_.add(batch.columns(), batch.size(), batch.indices());
    made_.read += batch.size();
    for (const int64_t index : batch.indices()) read_.insert(index);
  }

  void tell(int64_t done, int64_t of) const {
    if (watchers_.progress) watchers_.progress(done, of);
  }

  // All that come one behind the other.
  void read_epoch(DataLoader& loader) {
    while (goes_on()) {
      try {
        const auto batch = loader.next();
        if (!batch) {
          reached_ = asked_.size();
          return;
        }
        add(*batch);
        const int64_t last = batch->indices().back();
        reached_ = static_cast<size_t>(std::ranges::upper_bound(asked_, last) - asked_.begin());
        tell(static_cast<int64_t>(reached_), made_.asked);
      } catch (const SampleError&) {  // What is missing is read again.
      } catch (const WorkerDied&) {
      }
    }
  }

  // Of those that were reached.
  void read_missing() {
    std::vector<int64_t> missing;
    for (size_t i = 0; i < reached_; ++i)
      if (!read_.contains(asked_[i])) missing.push_back(asked_[i]);
    made_.broken_count = std::ssize(missing);
    missing.resize(std::min(missing.size(), static_cast<size_t>(Statistics::kMostBroken)));
    const auto take = [&](const Batch& batch) {
      add(batch);
      made_.broken_count -= batch.size();  // It could be read this time.
    };
    const auto fail = [&](int64_t index, const std::string& error) {
      made_.broken.push_back({index, describe_ ? describe_(index) : "", error});
    };
    training::read_alone(pipeline({}), loading(), missing, {take, fail});
  }

  // Of a stream nobody knows which are missing.
  void read_stream(training::Split& split) {
    const int64_t most = extent_ == Extent::kAll ? INT64_MAX : kSomeSamples;
    while (made_.read < most && goes_on()) {
      const auto batch = split.loader->next();
      if (!batch) break;
      add(*batch);
      tell(made_.read, split.samples.value_or(0));
    }
    const LoaderStats stats = split.loader->stats();
    made_.broken_count = static_cast<int64_t>(stats.skipped_samples);
    if (made_.broken_count > 0) made_.broken.push_back({-1, "", stats.last_error});
    made_.asked = made_.read + made_.broken_count;
  }

  const RunData& source_;
  Extent extent_;
  const StatisticsWatchers& watchers_;
  bool has_overviews_;
  configs::DatasetTypes types_;
  Statistics made_;
  Tally tally_;
  std::function<std::string(int64_t)> describe_;
  std::vector<int64_t> asked_;
  size_t reached_ = 0;  // How many of them were read or left out.
  std::set<int64_t> read_;
};

}  // namespace

Statistics read_statistics(const RunData& source, Extent extent, const StatisticsWatchers& watchers) {
  return Reading(source, extent, watchers).read();
}

}  // namespace millrace::showing
