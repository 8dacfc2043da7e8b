#include <ATen/CPUGeneratorImpl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/bucket_batch_sampler.h"
#include "millrace/samplers/class_balanced_sampler.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/keyed_permutation.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/repeat_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/samplers/shard_shuffle_sampler.h"
#include "millrace/samplers/shuffle_buffer_sampler.h"
#include "millrace/samplers/subset_random_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"
#include "millrace/sharing/codec/archive.h"
#include "millrace/tests/samplers/orders.h"
#include "millrace/tests/support/process_probe.h"

namespace millrace::more_samplers_test {
namespace {

using test::Indices;
using test::message_of;
using test::rest_of_epoch;
using test::seeded;

template <class S>
Indices epoch(S sampler, int64_t number = 0) {
  sampler.set_epoch(number);
  return rest_of_epoch(sampler);
}

template <class S>
Indices take(S& sampler, int64_t count) {
  Indices indices;
  for (int64_t i = 0; i < count; ++i) indices.push_back(sampler.next().value());
  return indices;
}

Indices first_numbers(int64_t n) {
  Indices numbers(static_cast<size_t>(n));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

Indices sorted(Indices indices) {
  std::sort(indices.begin(), indices.end());
  return indices;
}

// --- state, over every sampler ---

struct Kind {
  const char* name;
  std::function<AnySampler()> make;
};

std::ostream& operator<<(std::ostream& out, const Kind& kind) { return out << kind.name; }

class Resuming : public testing::TestWithParam<Kind> {};

SamplerState travelled(const SamplerState& state) {
  Encoded encoded = encode(state);
  DecodeArchive archive(encoded.bytes, encoded.fds);
  SamplerState arrived;
  archive(arrived);
  return arrived;
}

TEST_P(Resuming, GivesTheIdenticalRestFromEveryPositionOfThreeEpochs) {
  AnySampler sampler = GetParam().make();
  for (int64_t e = 0; e < 3; ++e) {
    sampler.set_epoch(e);
    std::vector<SamplerState> states{sampler.state()};
    Indices all;
    while (const auto index = sampler.next()) {
      all.push_back(*index);
      states.push_back(sampler.state());
    }
    ASSERT_EQ(std::ssize(all), sampler.size());
    for (size_t k = 0; k < states.size(); ++k) {
      AnySampler resumed = GetParam().make();
      resumed.load_state(travelled(states[k]));
      EXPECT_EQ(resumed.state(), states[k]) << to_string(states[k]);
      EXPECT_EQ(rest_of_epoch(resumed), Indices(all.begin() + static_cast<std::ptrdiff_t>(k), all.end()))
          << to_string(states[k]);
    }
  }
}

TEST_P(Resuming, GoesOnWithTheNextEpochAsIfItHadNotStopped) {
  AnySampler straight = GetParam().make();
  straight.set_epoch(0);
  Indices first = rest_of_epoch(straight);
  straight.set_epoch(1);
  const Indices second = rest_of_epoch(straight);
  for (const int64_t stop : {int64_t{1}, std::ssize(first)}) {
    AnySampler stopped = GetParam().make();
    stopped.set_epoch(0);
    take(stopped, stop);
    AnySampler resumed = GetParam().make();
    resumed.load_state(stopped.state());
    rest_of_epoch(resumed);
    resumed.set_epoch(1);
    EXPECT_EQ(rest_of_epoch(resumed), second) << "stopped after " << stop;
  }
}

TEST_P(Resuming, GoesBackToAStateOfItsOwnPast) {
  AnySampler sampler = GetParam().make();
  sampler.set_epoch(2);
  take(sampler, 2);
  const auto state = sampler.state();
  const Indices rest = rest_of_epoch(sampler);
  sampler.load_state(state);
  EXPECT_EQ(rest_of_epoch(sampler), rest);
}

TEST_P(Resuming, RefusesAPositionThatNoEpochHas) {
  AnySampler sampler = GetParam().make();
  SamplerState state = sampler.state();
  for (const int64_t position : {int64_t{-1}, int64_t{1'000}}) {
    state.position = position;
    EXPECT_THAT(message_of([&] { sampler.load_state(state); }),
                testing::HasSubstr("cannot go to position " + std::to_string(position) + " of an epoch of "));
  }
}

TEST_P(Resuming, KeepsASmallState) {
  AnySampler sampler = GetParam().make();
  take(sampler, 2);
  EXPECT_LE(encode(sampler.state()).bytes.size(), 5200U);
  EXPECT_THAT(to_string(sampler.state()), testing::StartsWith("epoch 0, position "));
}

struct NoStateOfItsOwn {
  int64_t at = 0, epoch = 0;
  int64_t size() const { return 7; }
  void set_epoch(int64_t e) { at = 0, epoch = e; }
  std::optional<int64_t> next() { return at < 7 ? std::optional((at++ * 3 + epoch) % 7) : std::nullopt; }
};

INSTANTIATE_TEST_SUITE_P(
    EverySampler, Resuming,
    testing::Values(
        Kind{"Sequential", [] { return SequentialSampler(9); }}, Kind{"Random", [] { return RandomSampler(9); }},
        Kind{"RandomMoreThanOnce", [] { return RandomSampler(5, {.num_samples = 12, .seed = 3}); }},
        Kind{"RandomWholeTimes", [] { return RandomSampler(5, {.num_samples = 10, .seed = 3}); }},
        Kind{"RandomReplacement", [] { return RandomSampler(9, {.replacement = true, .num_samples = 70}); }},
        Kind{"RandomGenerator", [] { return RandomSampler(9, seeded(4)); }},
        Kind{"RandomGeneratorReplacement",
             [] { return RandomSampler(9, seeded(4), {.replacement = true, .num_samples = 64}); }},
        Kind{"Subset", [] { return SubsetRandomSampler({5, 3, 8, 1}, 2); }},
        Kind{"SubsetGenerator", [] { return SubsetRandomSampler({5, 3, 8, 1}, seeded(2)); }},
        Kind{"Weighted", [] { return WeightedRandomSampler({1, 2, 3, 4}, 9, true, 2); }},
        Kind{"WeightedGenerator", [] { return WeightedRandomSampler({1, 2, 3, 4}, 3, false, seeded(2)); }},
        Kind{"Distributed", [] { return DistributedSampler(17, {.rank = 2, .num_replicas = 4}); }},
        Kind{"DistributedDropLast",
             [] { return DistributedSampler(17, {.rank = 2, .num_replicas = 4, .drop_last = true}); }},
        Kind{"KeyedPermutation", [] { return KeyedPermutationSampler(21, 3); }},
        Kind{"ClassBalanced",
             [] {
               const Indices labels{0, 0, 0, 0, 7, 7, 3};
               return ClassBalancedSampler(labels, {.num_samples = 20});
             }},
        Kind{"ShardShuffle", [] { return ShardShuffleSampler({4, 0, 3, 5, 1}, {.open_shards = 2}); }},
        Kind{"ShuffleBuffer", [] { return ShuffleBufferSampler(SequentialSampler(15), 4, 1); }},
        Kind{"ShuffleBufferOfGenerator", [] { return ShuffleBufferSampler(RandomSampler(15, seeded(6)), 4, 1); }},
        Kind{"Any", [] { return AnySampler(NoStateOfItsOwn{}); }}),
    [](const auto& tested) { return tested.param.name; });

TEST(SamplerState, OfAnotherKindOfRandomnessIsRefused) {
  RandomSampler with_seed(5), with_generator(5, seeded(0));
  EXPECT_EQ(message_of([&] { with_seed.load_state(with_generator.state()); }),
            "RandomSampler: the state is of a sampler with a generator, this one has a seed");
  EXPECT_EQ(message_of([&] { with_generator.load_state(with_seed.state()); }),
            "RandomSampler: the state is of a sampler with a seed, this one has a generator");
}

TEST(BatchSampler, ResumesWithAnotherBatchSize) {
  BatchSampler by_three(RandomSampler(10), 3, false);
  by_three.next();
  BatchSampler by_four(RandomSampler(10), 4, false);
  by_four.load_state(by_three.state());
  const Indices order = epoch(RandomSampler(10));
  EXPECT_EQ(by_four.next(), Indices(order.begin() + 3, order.begin() + 7));
}

// --- errors ---

TEST(WeightedRandomSampler, RefusesWeightsThatCannotBeDrawnFrom) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(message_of([] { WeightedRandomSampler({1, 2}, 0); }),
            "WeightedRandomSampler: num_samples should be a positive integer value, but got num_samples=0");
  EXPECT_EQ(message_of([] { WeightedRandomSampler({1, -2}, 1); }),
            "WeightedRandomSampler: weights[1] is -2.000000, but weights must be finite and not negative");
  EXPECT_THAT(message_of([&] { WeightedRandomSampler({nan}, 1); }), testing::HasSubstr("weights[0] is "));
  EXPECT_EQ(message_of([] { WeightedRandomSampler({0, 0}, 1); }),
            "WeightedRandomSampler: weights: none of the 2 is positive");
  EXPECT_EQ(
      message_of([] { WeightedRandomSampler({1, 0, 1}, 3, false); }),
      "WeightedRandomSampler: num_samples=3 cannot be drawn without replacement when only 2 weights are positive");
  EXPECT_EQ(message_of([] { WeightedRandomSampler({1}, 1, true, at::Generator()); }),
            "WeightedRandomSampler: the generator is undefined; make one, or give a seed instead");
}

TEST(DistributedSampler, RefusesARankOutsideItsReplicas) {
  EXPECT_EQ(message_of([] { DistributedSampler(5, {.rank = 3, .num_replicas = 3}); }),
            "DistributedSampler: rank 3 should be in the interval [0, 2]");
  EXPECT_EQ(message_of([] { DistributedSampler(5, {.rank = -1, .num_replicas = 3}); }),
            "DistributedSampler: rank -1 should be in the interval [0, 2]");
  EXPECT_EQ(message_of([] { DistributedSampler(5, {.num_replicas = 0}); }),
            "DistributedSampler: num_replicas should be a positive integer value, but got 0");
}

TEST(DistributedSampler, SharesNothingOfAnEmptyDataset) {
  EXPECT_EQ(epoch(DistributedSampler(0, {.num_replicas = 3})), Indices{});
}

// The samples that ranks together give in `turns` turns (or to the end), in the epoch's order, and their state then.
Indices give_together(int64_t n, DistributedSamplerOptions options, SamplerState& state, int64_t turns) {
  std::vector<DistributedSampler> ranks;
  for (options.rank = 0; options.rank < options.num_replicas; ++options.rank) {
    ranks.emplace_back(n, options).load_state(state);
  }
  Indices given;
  for (int64_t turn = 0; turn < turns; ++turn) {
    std::vector<std::optional<int64_t>> of_ranks;
    for (auto& rank : ranks) of_ranks.push_back(rank.next());
    EXPECT_EQ(std::count(of_ranks.begin(), of_ranks.end(), std::nullopt) % std::ssize(ranks), 0) << "uneven shares";
    if (!of_ranks.front()) break;
    for (const auto& index : of_ranks) given.push_back(index.value());
  }
  state = travelled(ranks.front().state());
  for (const auto& rank : ranks) EXPECT_EQ(rank.state(), state);
  return given;
}

TEST(DistributedSampler, VisitsTheRestOfAnEpochOnceWithOtherNumbersOfRanks) {
  auto random = test::seeded_generator();
  const auto integer = [&](int64_t low, int64_t high) { return std::uniform_int_distribution(low, high)(random); };
  for (int round = 0; round < 2'000; ++round) {
    const int64_t n = integer(0, round % 2 == 0 ? 12 : 300), e = integer(0, 5);
    DistributedSamplerOptions options{.shuffle = integer(0, 1) == 1,
                                      .seed = static_cast<uint64_t>(integer(0, 1'000)),
                                      .drop_last = integer(0, 1) == 1};
    // One rank visits the order that all share.
    const Indices order = epoch(DistributedSampler(n, options), e);

    SamplerState state{.epoch = e};
    Indices given;
    std::string story = "n=" + std::to_string(n) + " drop_last=" + std::to_string(options.drop_last);
    for (const bool last : {false, false, true}) {
      options.num_replicas = integer(1, 20);
      const int64_t turns = last ? n + 1 : integer(0, n / options.num_replicas + 1);
      story += ", " + std::to_string(turns) + " turns of " + std::to_string(options.num_replicas) + " ranks";
      const Indices more = give_together(n, options, state, turns);
      given.insert(given.end(), more.begin(), more.end());
      EXPECT_LE(state.position, n) << story;
      // An end that was padded is no place to go on from: the state says that nothing is left.
      if (std::ssize(given) > n) {
        EXPECT_EQ(state.position, n) << story;
        break;
      }
      EXPECT_EQ(state.position, std::ssize(given)) << story;
    }
    // The order, each sample once; at its end padded from its start or truncated, by less than the last ranks' number.
    const int64_t beyond = std::ssize(given) - n;
    EXPECT_LT(std::abs(beyond), options.num_replicas) << story;
    if (options.drop_last)
      EXPECT_LE(beyond, 0) << story;
    else
      EXPECT_GE(beyond, 0) << story;
    for (size_t i = 0; i < given.size(); ++i) ASSERT_EQ(given[i], order[i % order.size()]) << story << ", at " << i;
  }
}

TEST(DistributedSampler, StateAtAPaddedEndSaysThatNothingIsLeftToAnyNumberOfRanks) {
  DistributedSampler of_eight(3, {.rank = 5, .num_replicas = 8});
  take(of_eight, 1);
  DistributedSampler of_one(3);
  of_one.load_state(of_eight.state());
  EXPECT_EQ(of_one.next(), std::nullopt);
}

// --- keyed permutation ---

TEST(KeyedPermutation, IsABijectionOfEverySize) {
  for (int64_t n = 0; n <= 1030; ++n) {
    const KeyedPermutation permutation(n, static_cast<uint64_t>(n) * 77);
    std::vector<bool> hit(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) {
      const int64_t element = permutation(i);
      ASSERT_TRUE(element >= 0 && element < n && !hit[static_cast<size_t>(element)]) << "n=" << n << " i=" << i;
      hit[static_cast<size_t>(element)] = true;
    }
  }
}

TEST(KeyedPermutation, IsABijectionAroundLargePowersOfTwo) {
  for (const int64_t n : {65'535, 65'536, 65'537, 1'000'000, 1'048'577}) {
    const KeyedPermutation permutation(n, 5);
    std::vector<bool> hit(static_cast<size_t>(n));
    for (int64_t i = 0; i < n; ++i) hit[static_cast<size_t>(permutation(i))] = true;
    EXPECT_EQ(std::count(hit.begin(), hit.end(), true), n);
  }
}

TEST(KeyedPermutation, PutsEveryElementEverywhereEquallyOften) {
  // Chi-square over many keys, with a limit five standard deviations above its mean.
  constexpr int64_t kKeys = 20'000;
  for (const int64_t n : {3, 4, 7, 10, 33}) {
    std::map<std::pair<int64_t, int64_t>, int64_t> count;
    for (int64_t key = 0; key < kKeys; ++key) {
      const KeyedPermutation permutation(n, static_cast<uint64_t>(key));
      for (int64_t i = 0; i < n; ++i) ++count[{i, permutation(i)}];
    }
    double chi_square = 0;
    const double expected = static_cast<double>(kKeys) / static_cast<double>(n);
    for (int64_t i = 0; i < n; ++i)
      for (int64_t j = 0; j < n; ++j) {
        const double off = static_cast<double>(count[{i, j}]) - expected;
        chi_square += off * off / expected;
      }
    const auto degrees = static_cast<double>((n - 1) * (n - 1));
    EXPECT_LT(chi_square, degrees + 5 * std::sqrt(2 * degrees)) << "n=" << n;
  }
}

TEST(KeyedPermutation, GivesEveryOrderOfFiveEquallyOften) {
  constexpr int64_t kKeys = 60'000;
  std::map<Indices, int64_t> orders;
  for (int64_t key = 0; key < kKeys; ++key) {
    const KeyedPermutation permutation(5, static_cast<uint64_t>(key));
    ++orders[{permutation(0), permutation(1), permutation(2), permutation(3), permutation(4)}];
  }
  ASSERT_EQ(orders.size(), 120U);
  double chi_square = 0;
  const double expected = kKeys / 120.0;
  for (const auto& [order, count] : orders) {
    const double off = static_cast<double>(count) - expected;
    chi_square += off * off / expected;
  }
  EXPECT_LT(chi_square, 119 + 5 * std::sqrt(2 * 119.0));
}

TEST(KeyedPermutationSampler, HasAnotherOrderEveryEpochAndForEverySeed) {
  KeyedPermutationSampler sampler(1000, 1);
  const Indices first = epoch(sampler, 0), second = epoch(sampler, 1), other = epoch(KeyedPermutationSampler(1000, 2));
  EXPECT_EQ(sorted(first), first_numbers(1000));
  EXPECT_EQ(sorted(second), first_numbers(1000));
  EXPECT_EQ(epoch(sampler, 0), first);
  const auto agreeing = [](const Indices& a, const Indices& b) {
    int64_t count = 0;
    for (size_t i = 0; i < a.size(); ++i) count += a[i] == b[i];
    return count;
  };
  // Two random permutations agree at one place on average.
  EXPECT_LE(agreeing(first, second), 8);
  EXPECT_LE(agreeing(first, other), 8);
  EXPECT_LE(agreeing(first, first_numbers(1000)), 8);
}

int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * ::sysconf(_SC_PAGESIZE);
}

TEST(KeyedPermutationSampler, OrdersABillionIndicesInLessThanAMegabyte) {
  const int64_t before = resident_bytes();
  KeyedPermutationSampler sampler(1'000'000'000, 9);
  std::set<int64_t> seen;
  for (const int64_t position : {int64_t{0}, int64_t{123'456'789}, int64_t{999'000'000}}) {
    sampler.load_state({3, position});
    for (int64_t i = 0; i < 1000; ++i) seen.insert(sampler.next().value());
  }
  const int64_t after = resident_bytes();
  EXPECT_EQ(seen.size(), 3000U);
  EXPECT_GE(*seen.begin(), 0);
  EXPECT_LT(*seen.rbegin(), 1'000'000'000);
  EXPECT_LT(after - before, 1 << 20);
  sampler.load_state({3, 1'000'000'000});
  EXPECT_EQ(sampler.next(), std::nullopt);
}

TEST(KeyedPermutation, RefusesSizesItCannotHold) {
  EXPECT_EQ(message_of([] { KeyedPermutation(-1, 0); }),
            "KeyedPermutation: the number of elements must be 0 to 2^62, but got n=-1");
}

// --- balanced, repeated, buffered, sharded ---

TEST(ClassBalancedSampler, GivesEveryClassEquallyOften) {
  Indices labels(100, 4);
  labels[17] = labels[18] = labels[50] = 9;
  labels[99] = -1;
  ClassBalancedSampler sampler(labels, {.num_samples = 300, .seed = 1});
  EXPECT_EQ(sampler.num_classes(), 3);
  const Indices order = rest_of_epoch(sampler);
  std::map<int64_t, int64_t> of_class;
  std::set<int64_t> of_four;
  for (const int64_t i : order) {
    ++of_class[labels[static_cast<size_t>(i)]];
    if (labels[static_cast<size_t>(i)] == 4) of_four.insert(i);
  }
  EXPECT_EQ(of_class, (std::map<int64_t, int64_t>{{-1, 100}, {4, 100}, {9, 100}}));
  EXPECT_EQ(of_four.size(), 96U) << "each before any comes again";
}

TEST(ClassBalancedSampler, ShufflesClassesAndSamplesAnewEveryEpoch) {
  const Indices labels{0, 0, 0, 0, 0, 1, 1, 1, 1, 1};
  ClassBalancedSampler sampler(labels);
  EXPECT_EQ(sampler.size(), 10);
  EXPECT_EQ(sorted(epoch(sampler, 0)), first_numbers(10));
  EXPECT_NE(epoch(sampler, 0), epoch(sampler, 1));
}

TEST(ClassBalancedSampler, RefusesNoLabels) {
  EXPECT_EQ(message_of([] { ClassBalancedSampler(Indices{}); }), "ClassBalancedSampler: there are no labels");
  const Indices labels{1};
  EXPECT_EQ(message_of([&] { ClassBalancedSampler(labels, {.num_samples = 0}); }),
            "ClassBalancedSampler: num_samples should be a positive integer value, but got num_samples=0");
}

TEST(RepeatSampler, PutsEpochsOfTheInnerSamplerOnEnd) {
  RandomSampler inner(6, {.seed = 10});
  RepeatSampler sampler(inner, 3);
  EXPECT_EQ(sampler.size(), 18);
  Indices expected;
  for (int64_t e = 3; e < 6; ++e)
    for (const int64_t i : epoch(inner, e)) expected.push_back(i);
  EXPECT_EQ(epoch(sampler, 1), expected);
}

TEST(RepeatSampler, ResumesAtEveryPosition) {
  RepeatSampler sampler(RandomSampler(4), 3);
  sampler.set_epoch(2);
  const Indices all = epoch(sampler, 2);
  for (size_t k = 0; k <= all.size(); ++k) {
    sampler.set_epoch(2);
    take(sampler, static_cast<int64_t>(k));
    RepeatSampler resumed(RandomSampler(4), 3);
    resumed.load_state(sampler.state());
    EXPECT_EQ(rest_of_epoch(resumed), Indices(all.begin() + static_cast<std::ptrdiff_t>(k), all.end())) << k;
  }
}

TEST(InfiniteSampler, GoesOnIntoTheNextEpochsAndResumesThere) {
  InfiniteSampler sampler(RandomSampler(4, {.seed = 10}));
  const Indices all = take(sampler, 12);
  RandomSampler inner(4, {.seed = 10});
  for (int64_t e = 0; e < 3; ++e) EXPECT_EQ(epoch(inner, e), Indices(all.begin() + 4 * e, all.begin() + 4 * e + 4));

  for (int64_t k = 0; k < 8; ++k) {
    sampler.set_epoch(0);
    take(sampler, k);
    InfiniteSampler resumed(RandomSampler(4, {.seed = 10}));
    resumed.load_state(sampler.state());
    EXPECT_EQ(take(resumed, 4), Indices(all.begin() + k, all.begin() + k + 4));
  }
}

TEST(InfiniteSampler, OfNothingEnds) {
  InfiniteSampler sampler(SequentialSampler(0));
  EXPECT_EQ(sampler.next(), std::nullopt);
}

TEST(RepeatSampler, RefusesNoTimes) {
  EXPECT_EQ(message_of([] { RepeatSampler(SequentialSampler(3), 0); }),
            "RepeatSampler: times should be a positive integer value, but got times=0");
}

TEST(ShuffleBufferSampler, GivesEachIndexOnceAndNoneMoreThanTheBufferEarly) {
  ShuffleBufferSampler sampler(SequentialSampler(500), 20, 3);
  EXPECT_EQ(sampler.size(), 500);
  const Indices order = rest_of_epoch(sampler);
  EXPECT_EQ(sorted(order), first_numbers(500));
  EXPECT_NE(order, first_numbers(500));
  for (size_t place = 0; place < order.size(); ++place) EXPECT_LT(order[place], static_cast<int64_t>(place) + 20);
  EXPECT_NE(epoch(sampler, 1), order);
}

TEST(ShuffleBufferSampler, OfOneLeavesTheOrder) {
  EXPECT_EQ(epoch(ShuffleBufferSampler(SequentialSampler(9), 1)), first_numbers(9));
  EXPECT_THAT(message_of([] { ShuffleBufferSampler(SequentialSampler(3), 0); }), testing::HasSubstr("buffer_size=0"));
}

TEST(ShardShuffleSampler, OpensFewShardsAtATime) {
  const Indices sizes{5, 3, 0, 8, 4, 6};
  ShardShuffleSampler sampler(sizes, {.open_shards = 2, .seed = 4});
  EXPECT_EQ(sampler.size(), 26);
  const Indices order = rest_of_epoch(sampler);
  EXPECT_EQ(sorted(order), first_numbers(26));
  const auto shard_of = [&](int64_t sample) {
    size_t shard = 0;
    for (; sample >= sizes[shard]; ++shard) sample -= sizes[shard];
    return shard;
  };
  // A shard is open from its first sample to its last: nowhere more than two.
  std::map<size_t, std::pair<size_t, size_t>> open;
  for (size_t place = 0; place < order.size(); ++place) {
    auto [at, first_time] = open.try_emplace(shard_of(order[place]), place, place);
    at->second.second = place;
  }
  for (size_t place = 0; place < order.size(); ++place)
    EXPECT_LE(std::count_if(open.begin(), open.end(),
                            [&](const auto& s) { return s.second.first <= place && place <= s.second.second; }),
              2);
  EXPECT_NE(epoch(sampler, 1), order);
}

TEST(ShardShuffleSampler, RefusesImpossibleShards) {
  EXPECT_EQ(epoch(ShardShuffleSampler(Indices{})), Indices{});
  EXPECT_EQ(message_of([] { ShardShuffleSampler({3, -1}); }), "ShardShuffleSampler: shard_sizes[1] is -1, less than 0");
  EXPECT_THAT(message_of([] { ShardShuffleSampler({3}, {.open_shards = 0}); }), testing::HasSubstr("open_shards"));
}

// --- buckets ---

Indices made_up_lengths() {
  Indices lengths;
  for (int64_t i = 0; i < 101; ++i) lengths.push_back(i * 37 % 101);
  return lengths;
}

std::vector<Indices> batches(BucketBatchSampler sampler, int64_t e = 0) {
  sampler.set_epoch(e);
  std::vector<Indices> all;
  while (auto batch = sampler.next()) all.push_back(std::move(*batch));
  return all;
}

TEST(BucketBatchSampler, PutsSamplesOfOneBucketInABatchAndEachOnce) {
  const Indices lengths = made_up_lengths();
  BucketBatchSampler sampler(lengths, {.batch_size = 8, .boundaries = {10, 50}, .seed = 1});
  const auto bucket_of = [&](int64_t i) {
    const int64_t length = lengths[static_cast<size_t>(i)];
    return length < 10 ? 0 : length < 50 ? 1 : 2;
  };
  const auto all = batches(sampler);
  EXPECT_EQ(std::ssize(all), sampler.size());
  EXPECT_EQ(sampler.size(), 2 + 5 + 7);
  Indices seen;
  for (const auto& batch : all) {
    EXPECT_LE(batch.size(), 8U);
    for (const int64_t i : batch) {
      EXPECT_EQ(bucket_of(i), bucket_of(batch.front()));
      seen.push_back(i);
    }
  }
  EXPECT_EQ(sorted(seen), first_numbers(101));
  EXPECT_NE(batches(sampler, 1), all);
}

TEST(BucketBatchSampler, DropsBatchesThatAreNotFullWhenAsked) {
  BucketBatchSampler sampler(made_up_lengths(), {.batch_size = 8, .boundaries = {10, 50}, .drop_last = true});
  EXPECT_EQ(sampler.size(), 1 + 5 + 6);
  const auto all = batches(sampler);
  EXPECT_EQ(std::ssize(all), sampler.size());
  for (const auto& batch : all) EXPECT_EQ(batch.size(), 8U);
}

TEST(BucketBatchSampler, KeepsPaddedBatchesBelowTheirLimit) {
  const Indices lengths = made_up_lengths();
  BucketBatchSampler sampler(lengths,
                             {.batch_size = 1000, .max_padded = 400, .boundaries = even_boundaries(lengths, 5)});
  for (const auto& batch : batches(sampler)) {
    int64_t longest = 0;
    for (const int64_t i : batch) longest = std::max(longest, lengths[static_cast<size_t>(i)]);
    EXPECT_LE(longest * std::ssize(batch), 400);
  }
  const Indices too_long{900};
  EXPECT_EQ(batches(BucketBatchSampler(too_long, {.batch_size = 4, .max_padded = 400})), (std::vector<Indices>{{0}}));
}

TEST(BucketBatchSampler, GoesThroughTheBucketsInOrderWithoutShuffle) {
  const Indices lengths{5, 1, 6, 2, 7};
  EXPECT_EQ(batches(BucketBatchSampler(lengths, {.batch_size = 2, .boundaries = {5}, .shuffle = false})),
            (std::vector<Indices>{{1, 3}, {0, 2}, {4}}));
}

TEST(BucketBatchSampler, ResumesAtEveryBatch) {
  const Indices lengths = made_up_lengths();
  const BucketBatchSamplerOptions options{.batch_size = 8, .boundaries = {10, 50}, .seed = 1};
  const auto all = batches(BucketBatchSampler(lengths, options), 2);
  BucketBatchSampler sampler(lengths, options);
  sampler.set_epoch(2);
  for (size_t k = 0; k <= all.size(); ++k) {
    BucketBatchSampler resumed(lengths, options);
    resumed.load_state(sampler.state());
    std::vector<Indices> rest;
    while (auto batch = resumed.next()) rest.push_back(std::move(*batch));
    EXPECT_EQ(rest, std::vector<Indices>(all.begin() + static_cast<std::ptrdiff_t>(k), all.end()));
    sampler.next();
  }
}

TEST(BucketBatchSampler, EvenBoundariesHalveAndQuarter) {
  EXPECT_EQ(even_boundaries(first_numbers(100), 4), (Indices{25, 50, 75}));
  EXPECT_EQ(even_boundaries(Indices(50, 3), 4), Indices{});
  EXPECT_EQ(even_boundaries(Indices{}, 4), Indices{});
}

TEST(BucketBatchSampler, RefusesWhatMakesNoSense) {
  const Indices lengths{1, 2};
  const auto refusal = [&](BucketBatchSamplerOptions options) {
    return message_of([&] { BucketBatchSampler(lengths, options); });
  };
  EXPECT_THAT(refusal({.batch_size = 0}), testing::HasSubstr("batch_size=0"));
  EXPECT_THAT(refusal({.max_padded = 0}), testing::HasSubstr("max_padded=0"));
  EXPECT_EQ(refusal({.boundaries = {4, 4}}), "BucketBatchSampler: boundaries must ascend, but 4 follows 4");
  const Indices negative{1, -2};
  EXPECT_EQ(message_of([&] { BucketBatchSampler(negative, {}); }), "BucketBatchSampler: lengths[1] is -2, less than 0");
}

}  // namespace
}  // namespace millrace::more_samplers_test
