#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "millrace/samplers/batch_sampler.h"
#include "millrace/samplers/distributed_sampler.h"
#include "millrace/samplers/random_sampler.h"
#include "millrace/samplers/sequential_sampler.h"
#include "millrace/samplers/subset_random_sampler.h"
#include "millrace/samplers/weighted_random_sampler.h"
#include "millrace/tests/samplers/pytorch_reference.h"
#include "millrace/tests/support/process_probe.h"

// Index streams beside those of Python's torch: vectors that torch 2.11.0 printed, and torch itself where it is there.
namespace millrace::pytorch_test {
namespace {

using Indices = std::vector<int64_t>;
using test::Lists;

at::Generator seeded(uint64_t seed) { return at::make_generator<at::CPUGeneratorImpl>(seed); }

template <Sampler S>
Indices rest_of_epoch(S& sampler) {
  Indices indices;
  while (const auto index = sampler.next()) indices.push_back(*index);
  return indices;
}

template <Sampler S>
Lists epochs(S sampler, int64_t count) {
  Lists lists;
  for (int64_t e = 0; e < count; ++e) {
    sampler.set_epoch(e);
    lists.push_back(rest_of_epoch(sampler));
  }
  return lists;
}

template <Sampler S>
Indices epoch(S sampler, int64_t number = 0) {
  sampler.set_epoch(number);
  return rest_of_epoch(sampler);
}

TEST(SubsetRandomSampler, PermutesAsPyTorchDoes) {
  const Indices indices{10, 20, 30, 40, 50};
  EXPECT_EQ(SubsetRandomSampler(indices).size(), 5);
  EXPECT_EQ(epoch(SubsetRandomSampler(indices, 0)), (Indices{50, 10, 20, 40, 30}));
  EXPECT_EQ(epoch(SubsetRandomSampler(indices, seeded(0))), (Indices{50, 10, 20, 40, 30}));
}

TEST(WeightedRandomSampler, DrawsAsPyTorchDoes) {
  EXPECT_EQ(epoch(WeightedRandomSampler({.1, .9, .4, .7, 3, .6}, 10, true, 0)),
            (Indices{5, 4, 4, 5, 4, 4, 2, 3, 4, 3}));
  EXPECT_EQ(epoch(WeightedRandomSampler({.9, .4, .05, .2, .3, .1}, 5, false, seeded(0))), (Indices{1, 4, 0, 2, 3}));
}

TEST(DistributedSampler, SharesAsPyTorchDoes) {
  const auto share = [](int64_t n, DistributedSamplerOptions options, int64_t e) {
    return epoch(DistributedSampler(n, options), e);
  };
  EXPECT_EQ(share(10, {.rank = 0, .num_replicas = 3}, 1), (Indices{5, 2, 9, 4}));
  EXPECT_EQ(share(10, {.rank = 1, .num_replicas = 3}, 1), (Indices{6, 0, 3, 5}));
  EXPECT_EQ(share(10, {.rank = 2, .num_replicas = 3}, 1), (Indices{1, 8, 7, 6}));
  EXPECT_EQ(share(10, {.rank = 0, .num_replicas = 3, .drop_last = true}, 0), (Indices{4, 5, 0}));
  EXPECT_EQ(share(10, {.rank = 1, .num_replicas = 3, .drop_last = true}, 0), (Indices{1, 3, 8}));
  EXPECT_EQ(share(10, {.rank = 2, .num_replicas = 3, .drop_last = true}, 0), (Indices{7, 9, 6}));
  EXPECT_EQ(share(2, {.rank = 4, .num_replicas = 5, .shuffle = false}, 0), (Indices{0}));
}

// A question to PyTorch, and our own answer to it.
struct Case {
  std::string question;
  std::function<Lists()> ours;
};

class Cases {
 public:
  Cases() : random_(test::seeded_generator()) {}

  Case sequential() {
    const int64_t count = integer(1, 3), n = integer(0, 200);
    return {"sequential" + line(count, n), [=] { return epochs(SequentialSampler(n), count); }};
  }

  Case random() {
    const auto [source, seed, count] = draws();
    const int64_t n = integer(1, 200), num_samples = integer(1, 500);
    const bool replacement = coin();
    const RandomSamplerOptions options{replacement, num_samples, seed};
    return {"random " + source + line(seed, count, n, num_samples, replacement), [=] {
              return source == "seed" ? epochs(RandomSampler(n, options), count)
                                      : epochs(RandomSampler(n, seeded(seed), options), count);
            }};
  }

  Case batch() {
    const auto [source, seed, count] = draws();
    const int64_t n = integer(1, 200), batch_size = integer(1, 40);
    const bool drop_last = coin();
    return {"batch " + source + line(seed, count, n, batch_size, drop_last), [=] {
              BatchSampler sampler(source == "seed" ? RandomSampler(n, {.seed = seed}) : RandomSampler(n, seeded(seed)),
                                   batch_size, drop_last);
              Lists lists;
              for (int64_t e = 0; e < count; ++e) {
                sampler.set_epoch(e);
                while (auto batch = sampler.next()) lists.push_back(std::move(*batch));
              }
              if (lists.empty()) lists.emplace_back();  // As an empty line reads.
              return lists;
            }};
  }

  Case subset() {
    const auto [source, seed, count] = draws();
    Indices indices(static_cast<size_t>(integer(0, 100)));
    std::string question = "subset " + source + line(seed, count);
    for (auto& index : indices) question += line(index = integer(0, 1'000'000));
    return {question, [=] {
              return source == "seed" ? epochs(SubsetRandomSampler(indices, seed), count)
                                      : epochs(SubsetRandomSampler(indices, seeded(seed)), count);
            }};
  }

  Case weighted() {
    const auto [source, seed, count] = draws();
    const bool replacement = coin();
    std::vector<double> weights(static_cast<size_t>(integer(1, 100)));
    const int64_t num_samples = integer(1, replacement ? 300 : std::ssize(weights));
    std::string question = "weighted " + source + line(seed, count, num_samples, replacement);
    for (auto& weight : weights) {
      weight = std::uniform_real_distribution(0.01, 4.0)(random_);
      char text[40];
      std::snprintf(text, sizeof text, " %.17g", weight);
      question += text;
    }
    return {question, [=] {
              return source == "seed"
                         ? epochs(WeightedRandomSampler(weights, num_samples, replacement, seed), count)
                         : epochs(WeightedRandomSampler(weights, num_samples, replacement, seeded(seed)), count);
            }};
  }

  Case distributed() {
    const auto [source, seed, count] = draws();
    const int64_t n = integer(1, 200), num_replicas = integer(1, 12), rank = integer(0, num_replicas - 1);
    const DistributedSamplerOptions options{rank, num_replicas, coin(), seed, coin()};
    return {"distributed" + line(seed, count, n, rank, num_replicas, options.shuffle, options.drop_last),
            [=] { return epochs(DistributedSampler(n, options), count); }};
  }

 private:
  struct Draws {
    std::string source;
    uint64_t seed;
    int64_t epochs;
  };

  Draws draws() {
    return {coin() ? "seed" : "stream", static_cast<uint64_t>(integer(0, 1'000'000'000'000)), integer(1, 3)};
  }

  int64_t integer(int64_t low, int64_t high) { return std::uniform_int_distribution(low, high)(random_); }
  bool coin() { return integer(0, 1) == 1; }

  template <class... Numbers>
  static std::string line(Numbers... numbers) {
    return ((" " + std::to_string(numbers)) + ...);
  }

  std::mt19937_64 random_;
};

TEST(Samplers, GiveWhatTheInstalledPyTorchGives) {
  Cases make;
  std::vector<Case> cases;
  for (int i = 0; i < 40; ++i)
    for (auto kind :
         {&Cases::sequential, &Cases::random, &Cases::batch, &Cases::subset, &Cases::weighted, &Cases::distributed})
      cases.push_back((make.*kind)());
  std::vector<std::string> questions;
  for (const auto& each : cases) questions.push_back(each.question);

  const auto answers = test::ask_pytorch(questions);
  if (!answers)
    GTEST_SKIP() << test::python() << " cannot import torch; set MILLRACE_PYTHON to a Python that can, to compare";
  for (size_t i = 0; i < cases.size(); ++i)
    EXPECT_EQ(cases[i].ours(), answers->lists[i]) << cases[i].question << "\n  torch " << answers->version;
}

}  // namespace
}  // namespace millrace::pytorch_test
