#include "millrace/apps/millrace/bench/spread.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace millrace::spread_test {
namespace {

using apps::probability_of_chance;
using apps::spread_of;

TEST(Spread, IsOfTheMiddle) {
  const auto odd = spread_of({5, 1, 100});
  EXPECT_EQ(odd.median, 5);
  EXPECT_EQ(odd.mad, 4);
  EXPECT_EQ(odd.least, 1);
  EXPECT_EQ(odd.most, 100);
  EXPECT_EQ(spread_of({4, 1, 3, 2}).median, 2.5);
  EXPECT_EQ(spread_of({7}).mad, 0);
}

// There are 20 ways to choose 3 of 6.
TEST(ProbabilityOfChance, IsExactForFewValues) {
  EXPECT_DOUBLE_EQ(probability_of_chance({1, 2, 3}, {4, 5, 6}), 2.0 / 20);
  EXPECT_DOUBLE_EQ(probability_of_chance({1, 2, 4}, {3, 5, 6}), 4.0 / 20);
  EXPECT_DOUBLE_EQ(probability_of_chance({4, 5, 6}, {1, 2, 3}), 2.0 / 20) << "whichever is greater";
  EXPECT_DOUBLE_EQ(probability_of_chance({1}, {2}), 1);
}

// Against all ways to mix five and four values, counted one by one.
TEST(ProbabilityOfChance, CountsAllWaysToMixTwoSamples) {
  std::vector<bool> of_a{true, true, true, true, true, false, false, false, false};
  std::vector<double> us;
  std::sort(of_a.begin(), of_a.end());
  do {
    double u = 0, below = 0;
    for (const bool is_of_a : of_a) is_of_a ? u += below : ++below;
    us.push_back(std::min(u, 20 - u));
  } while (std::next_permutation(of_a.begin(), of_a.end()));
  ASSERT_EQ(us.size(), 126U);
  const std::vector<double> a{1, 2, 3, 5, 8}, b{4, 6, 7, 9};
  const double u = 4;  // Pairs in which a is above b: 5 > 4, and 8 > 4, 6, 7.
  const auto as_far = std::count_if(us.begin(), us.end(), [&](double other) { return other <= u; });
  EXPECT_DOUBLE_EQ(probability_of_chance(a, b), static_cast<double>(as_far) / 126);
}

TEST(ProbabilityOfChance, IsOneForWhatIsTheSame) {
  const std::vector<double> same(10, 3.0);
  EXPECT_DOUBLE_EQ(probability_of_chance(same, same), 1);
  EXPECT_DOUBLE_EQ(probability_of_chance({}, {1, 2}), 1);
}

// Of the 900 pairs a is above in 231: z is (450 - 231 - 0.5) / sqrt(30 * 30 * 61 / 12) = 3.2304.
TEST(ProbabilityOfChance, IsNearlyNormalForManyValues) {
  std::vector<double> a, b;
  for (int i = 0; i < 30; ++i) {
    a.push_back(i);
    b.push_back(i + 8.5);
  }
  EXPECT_NEAR(probability_of_chance(a, b), 0.001236, 1e-6);
}

}  // namespace
}  // namespace millrace::spread_test
