#include "millrace/loader/engine/verdict.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace millrace::verdict_test {
namespace {

using Kind = Verdict::Kind;
using Indices = std::vector<int64_t>;

struct Row {
  std::string name;
  OnError policy;
  std::optional<size_t> row;
  Indices indices;
  Indices tried;
  Verdict expected;
};

class Table : public testing::TestWithParam<Row> {};

TEST_P(Table, SaysWhatIsDone) {
  const Row& given = GetParam();
  EXPECT_EQ(judge(given.policy, given.row, given.indices, given.tried), given.expected);
}

const std::vector<Row> kTable = {
    {"RaiseRaises", OnError::kRaise, 1, {10, 11, 12}, {}, {Kind::kRaise}},
    {"RaiseRaisesWhatIsNoSamplesFault", OnError::kRaise, {}, {10, 11, 12}, {}, {Kind::kRaise}},
    {"SkipLeavesTheSampleOut", OnError::kSkip, 1, {10, 11, 12}, {}, {Kind::kSkip}},
    {"SkipRaisesWhatIsNoSamplesFault", OnError::kSkip, {}, {10, 11, 12}, {}, {Kind::kRaise}},
    {"SkipLeavesOutTheOnlySample", OnError::kSkip, 0, {10}, {}, {Kind::kSkip}},
    {"ReplaceRaisesWhatIsNoSamplesFault", OnError::kReplace, {}, {10, 11}, {}, {Kind::kRaise}},
    {"ReplaceTakesTheNextSample", OnError::kReplace, 1, {10, 11, 12}, {}, {Kind::kReplace, 12}},
    {"ReplaceGoesRoundAtTheEnd", OnError::kReplace, 2, {10, 11, 12}, {}, {Kind::kReplace, 10}},
    {"ReplaceTakesNoSampleTwice", OnError::kReplace, 1, {10, 12, 12}, {11}, {Kind::kReplace, 10}},
    {"ReplacePassesOverWhatWasTried", OnError::kReplace, 0, {12, 11, 12, 13}, {10, 11}, {Kind::kReplace, 13}},
    {"ReplaceRaisesWhenAllWereTried", OnError::kReplace, 0, {12, 11, 12}, {10, 11}, {Kind::kRaise}},
    {"ReplaceHasNothingForTheOnlySample", OnError::kReplace, 0, {10}, {}, {Kind::kRaise}},
    {"ReplaceHasNothingAmongEqualSamples", OnError::kReplace, 1, {10, 10, 10}, {}, {Kind::kRaise}},
};
INSTANTIATE_TEST_SUITE_P(Verdict, Table, testing::ValuesIn(kTable),
                         [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace millrace::verdict_test
