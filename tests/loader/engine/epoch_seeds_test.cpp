#include "millrace/loader/engine/epoch_seeds.h"

#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>

#include <cstdint>

#include "millrace/samplers/scatter.h"

namespace millrace::epoch_seeds_test {
namespace {

at::Generator generator() { return at::make_generator<at::CPUGeneratorImpl>(uint64_t{5}); }

DataLoaderOptions as_torch(const at::Generator& generator) {
  return DataLoaderOptions().seed_mode(SeedMode::kTorch).generator(generator);
}

uint64_t draw(const at::Generator& generator) { return static_cast<uint64_t>(draw_seed(generator)); }

TEST(EpochSeeds, FollowFromTheLoadersSeedAndDrawNothing) {
  const at::Generator users = generator();
  const auto options = DataLoaderOptions().seed(9).generator(users);
  EpochSeeds seeds(options);
  EXPECT_EQ(seeds.base(), split_mix(9));
  seeds.begin_epoch();
  EXPECT_EQ(seeds.base(), split_mix(9));
  EXPECT_EQ(draw(users), draw(generator()));
}

TEST(EpochSeeds, AreDrawnAsTorchDrawsThemForEachEpoch) {
  const at::Generator torchs = generator();
  const auto options = as_torch(generator());
  EpochSeeds seeds(options);
  for (int epoch = 0; epoch < 3; ++epoch) {
    seeds.begin_epoch();
    EXPECT_EQ(seeds.base(), draw(torchs)) << epoch;
  }
}

TEST(EpochSeeds, AreDrawnOnceForWorkersThatPersist) {
  const at::Generator users = generator();
  const at::Generator torchs = generator();
  const auto options = as_torch(users).persistent_workers(true);
  EpochSeeds seeds(options);
  const uint64_t first = draw(torchs);
  for (int epoch = 0; epoch < 3; ++epoch) {
    seeds.begin_epoch();
    EXPECT_EQ(seeds.base(), first) << epoch;
  }
  EXPECT_EQ(draw(users), draw(torchs)) << "nothing else was drawn";
}

}  // namespace
}  // namespace millrace::epoch_seeds_test
