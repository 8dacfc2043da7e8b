// Learning rates step by step, beside those that PyTorch 2.11's schedulers give (CosineAnnealingLR, MultiStepLR,
// OneCycleLR).
#include "millrace/training/schedule.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "millrace/configs/errors.h"
#include "millrace/configs/node.h"
#include "millrace/configs/yaml.h"

namespace millrace::training::schedule_test {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Pointwise;

configs::Node section(const std::string& yaml) { return configs::Node(configs::parse(yaml, "test.yaml")); }

// All shares of a run of so many steps.
std::vector<double> shares(const std::string& yaml, int64_t steps, int64_t steps_per_epoch) {
  const Schedule schedule = read_schedule(section(yaml));
  std::vector<double> shares;
  for (int64_t step = 0; step < steps; ++step) shares.push_back(schedule({step, steps, steps_per_epoch}));
  return shares;
}

TEST(Schedule, OfCosineIsThatOfCosineAnnealingLr) {
  EXPECT_THAT(shares("cosine", 4, 1), Pointwise(DoubleNear(1e-7), {1.0, 0.8535533905932737, 0.5, 0.14644660940672627}));
  EXPECT_THAT(shares("{type: cosine, last: 0.5}", 4, 1),
              Pointwise(DoubleNear(1e-7), {1.0, 0.9267766952966369, 0.75, 0.5732233047033631}));
}

TEST(Schedule, OfStepsIsThatOfMultiStepLr) {
  EXPECT_THAT(shares("{type: step, epochs: [1, 2], factor: 0.1}", 6, 2),
              Pointwise(DoubleNear(1e-12), {1.0, 1.0, 0.1, 0.1, 0.01, 0.01}));
}

TEST(Schedule, OfOneCycleIsThatOfOneCycleLr) {
  // OneCycleLR(max_lr=1, total_steps=10).
  EXPECT_THAT(shares("one_cycle", 10, 5),
              Pointwise(DoubleNear(1e-6), {0.04, 0.52, 1.0, 0.9504846320134738, 0.8117456539497631, 0.6112620219362893,
                                           0.38874197806371076, 0.1882583460502369, 0.04951936798652623, 4e-06}));
}

TEST(Schedule, GrowsInEvenStepsBeforeItBegins) {
  EXPECT_THAT(shares("{type: constant, warmup_epochs: 2}", 6, 2),
              Pointwise(DoubleNear(1e-12), {0.25, 0.5, 0.75, 1.0, 1.0, 1.0}));
  EXPECT_THAT(shares("{type: cosine, warmup_epochs: 1}", 6, 2),
              Pointwise(DoubleNear(1e-7), {0.5, 1.0, 1.0, 0.8535533905932737, 0.5, 0.14644660940672627}));
}

TEST(Schedule, EndsWhereARunGoesOnLongerThanPlanned) {
  const Schedule schedule = read_schedule(section("cosine"));
  EXPECT_NEAR(schedule({12, 10, 5}), 0, 1e-12);
}

TEST(Schedule, IsNamedByItsType) {
  try {
    read_schedule(section("cosin"));
    ADD_FAILURE() << "a schedule that there is not";
  } catch (const configs::ConfigError& error) {
    EXPECT_THAT(error.what(),
                HasSubstr("expected one of constant, cosine, step, one_cycle, found 'cosin', did you mean cosine?"));
  }
}

}  // namespace
}  // namespace millrace::training::schedule_test
