#include "millrace/surveys/masks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace millrace::masks_test {
namespace {

using namespace surveys;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(MaskNumbers, AreClassesWhereTheyCountFromZero) {
  std::vector<int64_t> voc(21);
  std::iota(voc.begin(), voc.end(), 0);
  voc.push_back(255);
  EXPECT_EQ(understand_numbers(voc).classes, 21);
  EXPECT_THAT(understand_numbers(voc).values, IsEmpty()) << "255 is no class";
  EXPECT_EQ(understand_numbers({0, 1, 3}).classes, 4) << "2 may be in other masks";
  EXPECT_FALSE(line_of(understand_numbers({0, 1})));
}

TEST(MaskNumbers, AreListedWhereTheyAreOthers) {
  const auto black_and_white = understand_numbers({0, 255});
  EXPECT_EQ(black_and_white.classes, 2);
  EXPECT_EQ(line_of(black_and_white)->yaml, "mask_values: [0, 255]");
  EXPECT_THAT(understand_numbers({0, 128, 255}).values, ElementsAre(0, 128, 255));
  EXPECT_THAT(understand_numbers({0, 65535}).values, ElementsAre(0, 65535));
  EXPECT_THAT(understand_numbers({1, 2, 3, 255}).values, ElementsAre(1, 2, 3)) << "trimaps";
  EXPECT_EQ(understand_numbers({1, 2, 3}).classes, 3);
}

}  // namespace
}  // namespace millrace::masks_test
