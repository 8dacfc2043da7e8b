// Any sampler over ranks, and weights that PyTorch has no room for.
#include "millrace/samplers/distributed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <numeric>
#include <set>
#include <vector>

#include "millrace/samplers/any_batch_sampler.h"
#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/class_balanced_sampler.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/repeat_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/samplers/shard_shuffle_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"

namespace millrace::distributed_test {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using testing::ThrowsMessage;

using Indices = std::vector<int64_t>;
using Make = std::function<AnySampler()>;

Indices rest_of(AnySampler& sampler) {
  Indices indices;
  while (const auto index = sampler.next()) indices.push_back(*index);
  EXPECT_EQ(sampler.next(), std::nullopt) << "again";
  return indices;
}

Indices epoch_of(AnySampler sampler, int64_t epoch) {
  sampler.set_epoch(epoch);
  return rest_of(sampler);
}

// Element by element in turn, as ranks that step together see it.
Indices taken_in_turn(const std::vector<Indices>& ranks) {
  Indices all;
  for (size_t step = 0; step < ranks[0].size(); ++step)
    for (const auto& rank : ranks)
      if (step < rank.size()) all.push_back(rank[step]);
  return all;
}

std::vector<Indices> over_ranks(const Make& make, int64_t ranks, Remainder remainder, int64_t epoch) {
  std::vector<Indices> all;
  for (int64_t rank = 0; rank < ranks; ++rank) {
    Distributed sampler(make(), {rank, ranks, remainder});
    const auto size = sampler.size();
    all.push_back(epoch_of(std::move(sampler), epoch));
    EXPECT_THAT(all.back(), SizeIs(static_cast<size_t>(size)));
  }
  return all;
}

const std::vector<std::pair<const char*, Make>>& samplers() {
  static const std::vector<double> weights{1, 2, 3, 4, 0, 5, 1, 1, 2, 3, 1};
  static const Indices labels{0, 0, 0, 0, 0, 0, 0, 1, 1, 2};
  static const std::vector<std::pair<const char*, Make>> table{
      {"sequential", [] { return SequentialSampler(11); }},
      {"random", [] { return RandomSampler(11, {.seed = 3}); }},
      {"weighted", [] { return WeightedRandomSampler(weights, 23, true, 7); }},
      {"class-balanced", [] { return ClassBalancedSampler(labels, {.num_samples = 10, .seed = 1}); }},
      {"by shards", [] { return ShardShuffleSampler({3, 5, 1, 4}, {.open_shards = 2, .seed = 5}); }},
  };
  return table;
}

TEST(Distributed, GivesEachSampleExactlyOnceOverAllRanksForEvaluation) {
  for (const auto& [name, make] : samplers())
    for (const int64_t ranks : {1, 2, 3, 4, 7, 30})
      for (const int64_t epoch : {0, 2})
        EXPECT_EQ(taken_in_turn(over_ranks(make, ranks, Remainder::kKeep, epoch)), epoch_of(make(), epoch))
            << name << " over " << ranks;
}

TEST(Distributed, PadsFromTheBeginningOrDropsSoThatAllRanksHaveAsMany) {
  for (const auto& [name, make] : samplers())
    for (const int64_t ranks : {1, 2, 3, 4, 7, 30}) {
      const auto all = epoch_of(make(), 1);
      auto padded = all;
      while (std::ssize(padded) % ranks != 0) padded.push_back(padded[padded.size() - all.size()]);
      auto dropped = all;
      dropped.resize(all.size() / static_cast<size_t>(ranks) * static_cast<size_t>(ranks));
      EXPECT_EQ(taken_in_turn(over_ranks(make, ranks, Remainder::kPad, 1)), padded) << name << " over " << ranks;
      EXPECT_EQ(taken_in_turn(over_ranks(make, ranks, Remainder::kDrop, 1)), dropped) << name << " over " << ranks;
    }
}

TEST(Distributed, SharesAsPyTorchsDistributedSamplerDoes) {
  for (const int64_t ranks : {2, 3, 5})
    for (const bool drop_last : {false, true})
      for (int64_t rank = 0; rank < ranks; ++rank) {
        const auto remainder = drop_last ? Remainder::kDrop : Remainder::kPad;
        EXPECT_EQ(epoch_of(Distributed(SequentialSampler(11), {rank, ranks, remainder}), 0),
                  epoch_of(DistributedSampler(11, {rank, ranks, false, 0, drop_last}), 0));
      }
}

TEST(Distributed, SharesWhatIsLeftAmongAnotherNumberOfRanks) {
  for (const auto& [name, make] : samplers()) {
    const auto all = epoch_of(make(), 1);
    AnySampler before = Distributed(make(), {1, 3, Remainder::kKeep});
    before.set_epoch(1);
    before.next();
    before.next();
    std::vector<Indices> ranks;
    for (int64_t rank = 0; rank < 2; ++rank) {
      AnySampler sampler = Distributed(make(), {rank, 2, Remainder::kKeep});
      sampler.load_state(before.state());
      ranks.push_back(rest_of(sampler));
    }
    EXPECT_EQ(taken_in_turn(ranks), Indices(all.begin() + 6, all.end())) << name;
  }
}

TEST(Distributed, SharesWholeBatchesOfAnySamplerOfBatches) {
  const Indices lengths{1, 9, 2, 8, 3, 7, 4, 6, 5, 5, 1, 9, 2};
  const auto make = [&] { return BucketBatchSampler(lengths, {.batch_size = 2, .boundaries = {3, 6}, .seed = 4}); };
  std::vector<Indices> all;
  auto sampler = make();
  sampler.set_epoch(2);
  for (Indices batch; sampler.next(batch);) all.push_back(batch);
  for (const int64_t ranks : {1, 2, 3, 5}) {
    std::vector<Indices> shared(all.size());
    for (int64_t rank = 0; rank < ranks; ++rank) {
      AnyBatchSampler share = Distributed(make(), {rank, ranks, Remainder::kKeep});
      share.set_epoch(2);
      int64_t given = 0;
      for (Indices batch; share.next(batch); ++given) shared[static_cast<size_t>(rank + given * ranks)] = batch;
      EXPECT_EQ(given, share.size());
    }
    EXPECT_EQ(shared, all) << "over " << ranks;
  }
  Distributed batches(BatchSampler(SequentialSampler(10), 3, false), {1, 2, Remainder::kPad});
  std::vector<Indices> second;
  for (Indices batch; batches.next(batch);) second.push_back(batch);
  EXPECT_THAT(second, ElementsAre(Indices{3, 4, 5}, Indices{9}));
  static_assert(decltype(batches)::kPositionUnit == PositionUnit::kIndices);
}

TEST(Distributed, HasNoEndWhereTheSamplerHasNone) {
  Distributed endless(InfiniteSampler(SequentialSampler(3)), {1, 2});
  EXPECT_GT(endless.size(), int64_t{1} << 61);
  Indices first;
  for (int i = 0; i < 4; ++i) first.push_back(endless.next().value());
  EXPECT_THAT(first, ElementsAre(1, 0, 2, 1));
}

TEST(Distributed, RefusesARankOutsideItsReplicas) {
  EXPECT_THAT(([] { Distributed(SequentialSampler(3), {2, 2}); }),
              ThrowsMessage<std::invalid_argument>(HasSubstr("rank 2 should be in the interval [0, 1]")));
  EXPECT_THROW(Distributed(SequentialSampler(3), {0, 0}), std::invalid_argument);
  EXPECT_THROW(Distributed(SequentialSampler(3), {-1, 2}), std::invalid_argument);
}

TEST(WeightedRandomSampler, DrawsFromMoreRowsThanMultinomialTakes) {
  const int64_t many = (int64_t{1} << 24) + 3;
  std::vector<double> weights(static_cast<size_t>(many), 0);
  weights[1] = 1;
  weights[static_cast<size_t>(many) - 2] = 3;  // And nothing behind it.
  const auto drawn = epoch_of(WeightedRandomSampler(weights, 4000, true, 1), 0);
  EXPECT_THAT(drawn, SizeIs(4000));
  const auto rare = std::count(drawn.begin(), drawn.end(), 1);
  EXPECT_EQ(rare + std::count(drawn.begin(), drawn.end(), many - 2), 4000);
  EXPECT_NEAR(static_cast<double>(rare), 1000, 6 * 27.4) << "six standard deviations";
  EXPECT_EQ(drawn, epoch_of(WeightedRandomSampler(weights, 4000, true, 1), 0));
  EXPECT_NE(drawn, epoch_of(WeightedRandomSampler(weights, 4000, true, 1), 1));

  weights[7] = 1e-3;
  const auto each = epoch_of(WeightedRandomSampler(weights, 3, false, 1), 0);
  EXPECT_EQ(std::set<int64_t>(each.begin(), each.end()), (std::set<int64_t>{1, 7, many - 2}));
}

}  // namespace
}  // namespace millrace::distributed_test
