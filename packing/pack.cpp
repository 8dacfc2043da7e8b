#include "millrace/packing/pack.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <stdexcept>
#include <utility>

#include "millrace/packing/found_shards.h"
#include "millrace/packing/packing_folder.h"
#include "millrace/packing/sources_apart.h"
#include "millrace/sharing/os/printable.h"
#include "millrace/sharing/os/processors.h"
#include "millrace/sharing/os/regular_file.h"
#include "millrace/sharing/pool/errors.h"
#include "millrace/sharing/pool/pool.h"

namespace millrace::packing {
namespace {

namespace mp = multiprocessing;

/// A pattern of shards would find it.
void require_no_others(const Plan& plan) {
  if (const auto other = find_other_shard(plan))
    throw std::runtime_error("pack: " + in_quotes(*other) +
                             " is none of these shards and would be read with them; remove it, or take another folder");
}

/// What is there is not overwritten for a command that was given twice.
void require_free(const PlannedShard& shard) {
  if (stamp_at(shard.path))
    throw std::runtime_error("pack: " + in_quotes(shard.path) +
                             " is there and has other samples, or those of other options or of files that have changed "
                             "since; remove it, take another folder, or replace it with --overwrite");
}

/// One call of pack().
class Packer {
 public:
  Packer(const SampleList& samples, const Plan& plan, const PackOptions& options, const GoOn& go_on)
      : samples_(samples),
        plan_(plan),
        options_(options),
        go_on_(go_on),
        shards_(plan.shards.size()),
        counts_(plan.shards.size()) {}

  PackReport run() {
    const auto begin = std::chrono::steady_clock::now();
    const PackingFolder folder(plan_);
    require_no_others(plan_);
    take_what_is_there();
    if (!waiting_.empty()) write_the_rest();
    report_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    sum_up();
    return std::move(report_);
  }

 private:
  /// A shard that a worker has, or will have.
  struct Running {
    size_t shard;
    mp::AsyncResult<WrittenShard> result;
  };

  /// Deaths of workers over one shard, after which something about its samples kills them.
  static constexpr int kMostDeaths = 3;

  void take_what_is_there() {
    for (size_t i = 0; i < plan_.shards.size(); ++i) {
      if (auto found = find_shard(plan_.shards[i], samples_)) {
        shards_[i] = *std::move(found);
        counts_[i] = plan_.shards[i].samples.size();
        ++report_.shards_found;
      } else {
        if (options_.others == OtherShards::kRefuse) require_free(plan_.shards[i]);
        waiting_.push_back(i);
      }
    }
  }

  void write_the_rest() {
    const size_t wanted =
        options_.workers > 0 ? static_cast<size_t>(options_.workers) : static_cast<size_t>(processors().usable());
    const size_t workers = std::min(wanted, waiting_.size());
    mp::Pool pool(mp::PoolOptions(static_cast<int>(workers)).initializer(begin_counting, counts_));
    deaths_.assign(plan_.shards.size(), 0);
    std::deque<Running> running;
    while (!waiting_.empty() || !running.empty()) {
      // One more than it works on for each worker, so that none has to wait for us.
      for (; !waiting_.empty() && running.size() < 2 * workers; waiting_.pop_front())
        running.push_back({waiting_.front(), pool.apply_async(write_shard, task_of(waiting_.front()))});
      constexpr auto kBetweenLooks = std::chrono::milliseconds(100);
      running.front().result.wait(kBetweenLooks);
      take_finished(running);
      if (go_on_(samples_done()) || (waiting_.empty() && running.empty())) continue;
      report_.is_stopped = true;
      return;  // The pool ends its workers, and the folder removes what they had begun.
    }
    pool.close();
    pool.join();
  }

  ShardTask task_of(size_t i) const {
    const PlannedShard& shard = plan_.shards[i];
    ShardTask task{shard.pattern, shard.number, shard.sum, i, options_.broken, plan_.resize, {}};
    for (const size_t sample : shard.samples) task.samples.push_back(samples_[sample]);
    return task;
  }

  void take_finished(std::deque<Running>& running) {
    for (auto one = running.begin(); one != running.end();) {
      if (one->result.ready()) {
        take(*one);
        one = running.erase(one);
      } else {
        ++one;
      }
    }
  }

  /// Takes what became of a shard.
  void take(const Running& one) {
    try {
      WrittenShard shard = one.result.get();
      if (!shard.is_written && options_.broken == BrokenSamples::kLeaveOut)
        throw std::runtime_error("pack: no sample of " + in_quotes(plan_.shards[one.shard].path) +
                                 " can be read; of the first: " + shard.broken.front().why);
      if (shard.is_written) {
        report_.samples_written += shard.samples;
        report_.bytes_written += shard.bytes;
      }
      shards_[one.shard] = std::move(shard);
    } catch (const mp::WorkerLost& lost) {
      if (++deaths_[one.shard] == kMostDeaths)
        throw std::runtime_error("pack: " + std::to_string(kMostDeaths) + " workers died over " +
                                 in_quotes(plan_.shards[one.shard].path) + ", the last: " + lost.what());
      waiting_.push_front(one.shard);
    } catch (const mp::RemoteError& error) {
      throw std::runtime_error(error.message());
    }
  }

  uint64_t samples_done() {
    uint64_t sum = 0;
    for (uint64_t& count : counts_) sum += std::atomic_ref(count).load(std::memory_order_relaxed);
    return sum;
  }

  void sum_up() {
    for (const Split& split : plan_.splits) report_.splits.push_back({split.name, 0, 0, 0});
    for (size_t i = 0; i < shards_.size(); ++i) {
      if (!shards_[i]) continue;
      report_.broken.insert(report_.broken.end(), shards_[i]->broken.begin(), shards_[i]->broken.end());
      if (!shards_[i]->is_written) continue;
      PackedSplit& split = report_.splits[plan_.shards[i].split];
      ++split.shards;
      split.samples += shards_[i]->samples;
      split.bytes += shards_[i]->bytes;
    }
  }

  const SampleList& samples_;
  const Plan& plan_;
  const PackOptions& options_;
  const GoOn& go_on_;
  std::vector<std::optional<WrittenShard>> shards_;  // What is known of each.
  ShardCounts counts_;
  std::deque<size_t> waiting_;  // Shards that nobody has yet.
  std::vector<int> deaths_;
  PackReport report_;
};

uint64_t sum_over(const std::vector<PackedSplit>& splits, uint64_t PackedSplit::* what) {
  uint64_t sum = 0;
  for (const PackedSplit& split : splits) sum += split.*what;
  return sum;
}

}  // namespace

uint64_t PackReport::shards() const { return sum_over(splits, &PackedSplit::shards); }
uint64_t PackReport::samples() const { return sum_over(splits, &PackedSplit::samples); }
uint64_t PackReport::bytes() const { return sum_over(splits, &PackedSplit::bytes); }

PackReport pack(const Source& source, const Plan& plan, const PackOptions& options, const GoOn& go_on) {
  require_sources_apart(source, plan);
  return Packer(source.samples, plan, options, go_on).run();
}

}  // namespace millrace::packing
