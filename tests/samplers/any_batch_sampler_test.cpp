#include "millrace/samplers/any_batch_sampler.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/distributed.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/repeat_sampler.h"
#include "millrace/samplers/shuffle_buffer_sampler.h"

namespace millrace::any_batch_sampler_test {
namespace {

using Indices = std::vector<int64_t>;
using Batches = std::vector<Indices>;

// Samplers of the user's own, without a state.
struct Rotated {
  int64_t at = 0, epoch = 0;
  int64_t size() const { return 7; }
  void set_epoch(int64_t e) { at = 0, epoch = e; }
  std::optional<int64_t> next() { return at < 7 ? std::optional((at++ * 3 + epoch) % 7) : std::nullopt; }
};

struct Growing {  // {e}, {e, e}, {e, e, e}
  size_t at = 0;
  int64_t epoch = 0;
  int64_t size() const { return 3; }
  void set_epoch(int64_t e) { at = 0, epoch = e; }
  bool next(Indices& batch) {
    batch.assign(at < 3 ? ++at : 0, epoch);
    return !batch.empty();
  }
};

Batches rest_of_epoch(AnyBatchSampler& sampler) {
  Batches all;
  for (Indices batch; sampler.next(batch);) all.push_back(batch);
  return all;
}

struct Kind {
  const char* name;
  std::function<AnyBatchSampler()> make;
  PositionUnit unit;
};

std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

class AnyBatches : public testing::TestWithParam<Kind> {};

TEST_P(AnyBatches, GoOnWithTheIdenticalRestFromEveryBatchOfThreeEpochs) {
  AnyBatchSampler sampler = GetParam().make();
  EXPECT_EQ(sampler.position_unit(), GetParam().unit);
  for (int64_t e = 0; e < 3; ++e) {
    sampler.set_epoch(e);
    std::vector<SamplerState> states{sampler.state()};
    Batches all;
    for (Indices batch; sampler.next(batch);) {
      all.push_back(batch);
      states.push_back(sampler.state());
    }
    ASSERT_EQ(std::ssize(all), sampler.size());
    for (size_t k = 0; k < states.size(); ++k) {
      AnyBatchSampler resumed = GetParam().make();
      resumed.load_state(states[k]);
      EXPECT_EQ(resumed.state(), states[k]) << to_string(states[k]);
      EXPECT_EQ(rest_of_epoch(resumed), Batches(all.begin() + static_cast<std::ptrdiff_t>(k), all.end()))
          << to_string(states[k]);
    }
  }
}

TEST_P(AnyBatches, RefuseAPositionThatNoEpochHas) {
  AnyBatchSampler sampler = GetParam().make();
  SamplerState state = sampler.state();
  state.position = 1'000;
  EXPECT_THROW(sampler.load_state(state), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(
    OfEveryKind, AnyBatches,
    testing::Values(
        Kind{"Batch", [] { return BatchSampler(RandomSampler(10, {.seed = 3}), 4, false); }, PositionUnit::kIndices},
        Kind{"BatchDropLast", [] { return BatchSampler(RandomSampler(8), 4, true); }, PositionUnit::kIndices},
        Kind{"BatchOfAny", [] { return BatchSampler(AnySampler(RandomSampler(10)), 3, false); },
             PositionUnit::kIndices},
        Kind{"BatchOfAnyWithoutState", [] { return BatchSampler(AnySampler(Rotated{}), 3, false); },
             PositionUnit::kIndices},
        Kind{"BatchWithoutState", [] { return BatchSampler(Rotated{}, 3, false); }, PositionUnit::kBatches},
        Kind{"BatchOfDistributed",
             [] { return BatchSampler(DistributedSampler(17, {.rank = 2, .num_replicas = 3}), 2, false); },
             PositionUnit::kIndices},
        Kind{"Bucket",
             [] {
               const Indices lengths{5, 1, 6, 2, 7, 3, 9, 4};
               return BucketBatchSampler(lengths, {.batch_size = 2, .boundaries = {5}});
             },
             PositionUnit::kBatches},
        Kind{"UsersOwn", [] { return Growing{}; }, PositionUnit::kBatches}),
    [](const auto& tested) { return tested.param.name; });

TEST(AnyBatchSampler, GoesOnWithAnotherBatchSizeWherePositionsCountIndices) {
  AnyBatchSampler by_three = BatchSampler(AnySampler(RandomSampler(10)), 3, false);
  Indices batch, order;
  by_three.next(batch);
  const SamplerState state = by_three.state();
  for (const auto& rest : rest_of_epoch(by_three)) order.insert(order.end(), rest.begin(), rest.end());
  AnyBatchSampler by_five = BatchSampler(AnySampler(RandomSampler(10)), 5, false);
  by_five.load_state(state);
  EXPECT_EQ(rest_of_epoch(by_five), (Batches{{order.begin(), order.begin() + 5}, {order.begin() + 5, order.end()}}));
}

TEST(AnyBatchSampler, HoldsWhatCanOnlyBeMovedAndCanBeReplaced) {
  struct Owner : Growing {
    std::unique_ptr<int> owned = std::make_unique<int>(1);
  };
  AnyBatchSampler sampler = Owner{};
  AnyBatchSampler moved = std::move(sampler);
  EXPECT_EQ(rest_of_epoch(moved), (Batches{{0}, {0, 0}, {0, 0, 0}}));
  moved = BatchSampler(Rotated{}, 7, false);
  EXPECT_EQ(rest_of_epoch(moved), (Batches{{0, 3, 6, 2, 5, 1, 4}}));
}

struct Named : Rotated {
  std::string name() const { return "rotated"; }
};

TEST(SamplerName, IsOfTheSamplerThatDecidesTheOrderAndOfWhatChangesIt) {
  const auto name_of = [](const AnyBatchSampler& sampler) { return sampler.name(); };
  EXPECT_EQ(name_of(BatchSampler(RandomSampler(10), 3, false)), "millrace::RandomSampler");
  EXPECT_EQ(name_of(BatchSampler(AnySampler(RandomSampler(10)), 5, true)), "millrace::RandomSampler");
  EXPECT_EQ(name_of(BatchSampler(RepeatSampler(AnySampler(Named{}), 2), 5, true)),
            "millrace::RepeatSampler of rotated");
  EXPECT_EQ(name_of(BatchSampler(ShuffleBufferSampler(InfiniteSampler(Named{}), 4), 5, true)),
            "millrace::ShuffleBufferSampler of millrace::InfiniteSampler of rotated");
  const Distributed rank(AnyBatchSampler(BatchSampler(Named{}, 2, false)), {.rank = 1, .num_replicas = 2});
  EXPECT_EQ(rank.name(), "millrace::Distributed of rotated");
  EXPECT_NE(name_of(Growing{}).find("Growing"), std::string::npos) << "one that is gone through again";
}

}  // namespace
}  // namespace millrace::any_batch_sampler_test
